/**
 * Where a server's redirect (451 with X-MS-Location) may be followed to: text to a target, or the reason against it.
 *
 * The text is read by rules of our own and not by a URL library: those repair what they read (backslashes, tabs,
 * decimal and hexadecimal addresses, full-width letters), and a repaired name is a different name (A21).
 * Pure: no I/O; addresses are checked when the name is resolved, see pinned-lookup.ts.
 * @module
 */
import { isCbaHost } from '@postern/oauth-map/clouds'
import type { UpstreamTarget } from '../transport/upstream/upstream-types.ts'

/** From the configuration; compared without regard to case. */
export interface RedirectRules {
  /** `host`, `host:port`, `*.domain` (one or more labels before it) or `*.domain:port`; without a port only 443. */
  readonly redirectHosts: readonly string[]
  /** Names that a laboratory's `hosts` maps. They still must be listed; it is their address that may be private. */
  readonly labHosts: ReadonlySet<string>
}

/** Why a redirect is not followed. `CBA_HOST` means that we sent a request without Authorization: raise an alarm (2.2). */
export type RedirectRefusal =
  'MALFORMED' | 'NOT_HTTPS' | 'USERINFO' | 'IP_LITERAL' | 'CBA_HOST' | 'HOST_NOT_LISTED' | 'PORT' | 'PATH'

/** The decision. */
export type RedirectDecision =
  { readonly ok: true; readonly target: UpstreamTarget } | { readonly ok: false; readonly reason: RedirectRefusal }

/** Characters; longer ones are no redirect of an Exchange server. */
const MAX_LOCATION = 2_048
const SCHEME = 'https://'
const EAS_PATH = '/microsoft-server-activesync'

/** @param location the value of X-MS-Location as it came; any text */
export function redirectTarget(location: string, rules: RedirectRules): RedirectDecision {
  if (location.length > MAX_LOCATION || !isVisibleAscii(location)) return refuse('MALFORMED')
  if (!location.slice(0, SCHEME.length).toLowerCase().startsWith(SCHEME)) return refuse(otherScheme(location))
  const { authority, path } = split(location.slice(SCHEME.length))
  if (authority.includes('@')) return refuse('USERINFO')
  if (authority.startsWith('[')) return refuse('IP_LITERAL')
  const target = parseAuthority(authority)
  if (target === null) return refuse('MALFORMED')
  if (looksLikeAddress(target.host)) return refuse('IP_LITERAL')
  if (isCbaHost(target.host)) return refuse('CBA_HOST')
  const listed = rules.redirectHosts.map(parseEntry).filter((entry) => matches(entry, target.host))
  if (listed.length === 0) return refuse('HOST_NOT_LISTED')
  if (!listed.some((entry) => entry.port === target.port)) return refuse('PORT')
  if (path !== EAS_PATH && path !== `${EAS_PATH}/`) return refuse('PATH')
  return { ok: true, target }
}

/** Whether an entry names this host itself and not a domain above it. Such a host may have a private address. */
export function isExactlyListed(host: string, redirectHosts: readonly string[]): boolean {
  const name = host.toLowerCase()
  return redirectHosts.map(parseEntry).some((entry) => !entry.wildcard && entry.name === name)
}

interface Entry {
  readonly name: string
  readonly wildcard: boolean
  readonly port: number
}

/** The configuration has checked its form. */
function parseEntry(text: string): Entry {
  const entry = text.toLowerCase()
  const colon = entry.lastIndexOf(':')
  const host = colon === -1 ? entry : entry.slice(0, colon)
  const wildcard = host.startsWith('*.')
  return { name: wildcard ? host.slice(1) : host, wildcard, port: colon === -1 ? 443 : Number(entry.slice(colon + 1)) }
}

/** A wildcard's name begins with its dot, so the domain itself does not match. */
function matches(entry: Entry, host: string): boolean {
  return entry.wildcard ? host.length > entry.name.length && host.endsWith(entry.name) : host === entry.name
}

function refuse(reason: RedirectRefusal): RedirectDecision {
  return { ok: false, reason }
}

function otherScheme(location: string): 'NOT_HTTPS' | 'MALFORMED' {
  return location.includes('://') ? 'NOT_HTTPS' : 'MALFORMED'
}

/** The path in lower case. A query is not looked at: the request keeps its own. A fragment stays and fails as a path. */
function split(rest: string): { authority: string; path: string } {
  let end = 0
  while (end < rest.length && !'/?#'.includes(rest.charAt(end))) end++
  const tail = rest.slice(end)
  const query = tail.includes('#') ? -1 : tail.indexOf('?')
  return { authority: rest.slice(0, end), path: (query === -1 ? tail : tail.slice(0, query)).toLowerCase() }
}

function parseAuthority(authority: string): UpstreamTarget | null {
  const colon = authority.indexOf(':')
  const host = (colon === -1 ? authority : authority.slice(0, colon)).toLowerCase()
  const port = colon === -1 ? 443 : parsePort(authority.slice(colon + 1))
  return port === null || !isDnsName(host) ? null : { host, port }
}

function parsePort(text: string): number | null {
  if (text.length === 0 || text.length > 5) return null
  let port = 0
  for (const char of text) {
    const digit = char.charCodeAt(0) - 0x30
    if (digit < 0 || digit > 9) return null
    port = port * 10 + digit
  }
  return port >= 1 && port <= 65_535 ? port : null
}

/** Letters, digits and inner hyphens; no trailing dot, no empty label (RFC 1123, 2.1). */
function isDnsName(host: string): boolean {
  return host.length <= 253 && host.split('.').every(isLabel)
}

function isLabel(label: string): boolean {
  if (label.length === 0 || label.length > 63 || label.startsWith('-') || label.endsWith('-')) return false
  for (const char of label) if (!'abcdefghijklmnopqrstuvwxyz0123456789-'.includes(char)) return false
  return true
}

/** A name whose last label is a number, decimal or hexadecimal, is an address to most resolvers. */
function looksLikeAddress(host: string): boolean {
  const last = host.slice(host.lastIndexOf('.') + 1)
  const digits = last.startsWith('0x') ? last.slice(2) : last
  const alphabet = last.startsWith('0x') ? '0123456789abcdef' : '0123456789'
  for (const char of digits) if (!alphabet.includes(char)) return false
  return true
}

function isVisibleAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x21 || code > 0x7e || code === 0x5c) return false
  }
  return true
}
