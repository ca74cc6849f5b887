/**
 * Address of a mail server as configurations name it, and what a Sentry at that address serves.
 * @module
 */

/** What a configuration must know of the Standalone Sentry that it names. */
export interface ChosenSentry {
  /** Name under which devices reach it, with `:port` where that is not 443. */
  readonly host: string
  /** Enable Pass Through with OAuth. */
  readonly oauth: boolean
}

/** Where devices sign in, at a Sentry. */
export interface SentryUrls {
  /** OAuth Sign In URL of iOS. */
  readonly signIn: string
  /** OAuth Token Request URL of iOS. */
  readonly tokenRequest: string
  /** `modern_auth_authority_url` of Email+. */
  readonly authority: string
  /** `modern_auth_resource_url` of Email+. */
  readonly resource: string
}

/** @param host name of the Sentry, with `:port` where that is not 443 */
export function sentryUrls(host: string): SentryUrls {
  const resource = `https://${sameAddress(host)}`
  const authority = `${resource}/proxyservice`
  return { signIn: `${authority}/oauth2/authorize`, tokenRequest: `${authority}/oauth2/token`, authority, resource }
}

/** The form in which two addresses compare: lower case, without the port that https has anyway. */
export function sameAddress(address: string): string {
  return address.toLowerCase().replace(/:443$/, '')
}

/** What is wrong with a server address, or null: a full host name, with `:port` where that is not 443. */
export function addressFault(address: string): string | null {
  const match = /^([^:]*)(?::(\d{1,5}))?$/.exec(address)
  const port = Number(match?.[2] ?? 443)
  if (match !== null && isFullHostName(match[1] ?? '') && port >= 1 && port <= 65_535) return null
  const quoted = JSON.stringify(address.slice(0, 200))
  return `${quoted} is no full host name; write it like sentry.example.com, without scheme, path or IP address`
}

/** The URL when it is https without user, query and fragment; else null. */
export function plainHttpsUrl(text: string): URL | null {
  if (!URL.canParse(text) || /[\s?#@]/.test(text)) return null
  const url = new URL(text)
  return url.protocol === 'https:' ? url : null
}

function isFullHostName(text: string): boolean {
  const labels = text.split('.')
  if (text.length > 253 || labels.length < 2 || /^\d*$/.test(labels.at(-1) ?? '')) return false
  return labels.every((label) => /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(label))
}
