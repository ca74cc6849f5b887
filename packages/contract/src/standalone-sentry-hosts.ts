/**
 * What is wrong with a host name, an address or a URL that an administrator typed: the rule and the remedy.
 * @module
 */
import { parseResource } from '@postern/oauth-map/resource'

/** The value as it may stand in a message. */
export function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 200))
}

/** A placeholder of instructions, such as `<SentryHostName>` or `{tenant}`, typed as it stands there; else null. */
export function placeholderFault(text: string, example: string): string | null {
  const placeholder = /[<{][^<>{}]{1,100}[>}]/.exec(text)?.[0]
  if (placeholder === undefined) return null
  return `${placeholder} is a placeholder of the instructions; write the real value in its place, such as ${example}`
}

/** Name or IPv4 address under which phones reach a Sentry. Null: nothing is wrong. */
export function sentryHostFault(text: string): string | null {
  if (text === '') return 'is empty; enter the name under which phones reach the Sentry, such as sentry.example.com'
  const placeholder = placeholderFault(text, 'sentry.example.com')
  if (placeholder !== null) return placeholder
  const q = quoted(text)
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text))
    return `${q} is a URL; write the host name alone, without https:// and path`
  if (text.includes('/')) return `${q} has a path; write the host name alone`
  if (/^[^:]*:\d*$/.test(text)) return `${q} has a port; write the host name alone, and the port as External Port`
  if (text.includes('*')) return `${q} is a wildcard; name one host that phones can look up`
  if (text.includes(':')) return `${q} is an IPv6 address, which OAuth resources cannot be made of; use a host name`
  if (/^[\d.]+$/.test(text)) return isIpv4(text) ? null : `${q} is no IPv4 address; write four numbers from 0 to 255`
  return isHostName(text)
    ? null
    : `${q} is no host name; use letters, digits, hyphens and dots, like sentry.example.com`
}

/** A mail server as host or host:port. */
export function serverFault(text: string): string | null {
  const placeholder = placeholderFault(text, 'outlook.office365.com')
  if (placeholder !== null) return placeholder
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text) || text.includes('/')) {
    return `${quoted(text)} must be host or host:port, without https:// and path; the path is always ActiveSync's own`
  }
  return null // the rest is a rule of the Sentry's configuration
}

/** An https URL of the identity provider or the mail service. */
export function httpsFault(text: string, example: string): string | null {
  if (text === '') return `is empty; enter it, for instance ${example}`
  const placeholder = placeholderFault(text, example)
  if (placeholder !== null) return placeholder
  const q = quoted(text)
  if (/^http:\/\//i.test(text)) return `${q} is not encrypted; begin it with https://`
  if (!/^https:\/\//i.test(text)) return `${q} does not begin with https://; write the whole address, like ${example}`
  if (text.includes('@')) return `${q} holds a user name; leave out everything up to the @`
  if (/[?#]/.test(text)) return `${q} has a query or fragment; leave out everything from the first ? or #`
  if (parseResource(text) !== null) return null
  return `${q} has a host, port or path that cannot be; write it like ${example}`
}

/** Whether the text is an IPv4 address in dotted form without leading zeros. */
export function isIpv4(text: string): boolean {
  const parts = text.split('.')
  return parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255)
}

function isHostName(text: string): boolean {
  const labels = text.split('.')
  return text.length <= 253 && labels.every((label) => /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(label))
}
