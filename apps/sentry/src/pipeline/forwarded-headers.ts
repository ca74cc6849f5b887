/**
 * Which header fields cross, each way. What is not on a list does not exist on the other side (A3, A23, A31).
 * @module
 */
import type { EasQuery } from '@postern/eas-query/query'
import type { EasVersion } from '@postern/eas-query/commands'
import { ChallengeError, localChallenge, rewriteChallenge } from '@postern/oauth-map/challenge'
import type { HeaderFields } from '../listener/header-fields.ts'

type Field = readonly [name: string, value: string]

/** The one path of ActiveSync, in the spelling that servers are sent. */
export const EAS_PATH = '/Microsoft-Server-ActiveSync'

/** Fields of a device that a mail server needs as they are. User-Agent too: servers punish one that changes (1.5). */
const TO_SERVER = new Map([
  ['accept', 'Accept'],
  ['accept-language', 'Accept-Language'],
  ['client-request-id', 'client-request-id'],
  ['content-type', 'Content-Type'],
  ['cookie', 'Cookie'],
  ['ms-asacceptmultipart', 'MS-ASAcceptMultiPart'],
  ['ms-asprotocolversion', 'MS-ASProtocolVersion'],
  ['return-client-request-id', 'return-client-request-id'],
  ['user-agent', 'User-Agent'],
  ['x-ms-policykey', 'X-MS-PolicyKey'],
])

/** Fields of the query that a base64 request carries there, and a plain one in its head (1.3). */
const IN_QUERY = new Set(['ms-asprotocolversion', 'x-ms-policykey', 'ms-asacceptmultipart'])

/** The head for the server: the device's fields by allow-list, then ours. `token` without the scheme. */
export function serverFields(
  fields: HeaderFields,
  query: EasQuery | null,
  version: EasVersion | null,
  token: string,
): Field[] {
  const out: Field[] = []
  const base64 = query?.encoding === 'base64'
  for (const [name, value] of fields.entries) {
    const written = TO_SERVER.get(name)
    if (written !== undefined && !(base64 && IN_QUERY.has(name))) out.push([written, value])
  }
  if (base64) {
    if (version !== null) out.push(['MS-ASProtocolVersion', version])
    if (query.policyKey !== null) out.push(['X-MS-PolicyKey', String(query.policyKey)])
    if (query.parameters.acceptMultiPart === true) out.push(['MS-ASAcceptMultiPart', 'T'])
  }
  if (acceptsGzip(fields)) out.push(['Accept-Encoding', 'gzip'])
  out.push(['Authorization', `Bearer ${token}`])
  return out
}

/** Only gzip is passed on, and only where the device can read it (1.12). */
function acceptsGzip(fields: HeaderFields): boolean {
  return fields.values('accept-encoding').some((value) =>
    value.split(',').some((item) => {
      const [coding = '', ...parameters] = item
        .toLowerCase()
        .split(';')
        .map((part) => part.trim())
      const refused = parameters.some((parameter) => /^q=0(\.0{0,3})?$/.test(parameter))
      return coding === 'gzip' && !refused
    }),
  )
}

/** Fields of a server that a device needs. No server names, no Alt-Svc, no Location: they lead past us or tell too much. */
const TO_DEVICE = new Map([
  ['cache-control', 'Cache-Control'],
  ['client-request-id', 'client-request-id'],
  ['content-encoding', 'Content-Encoding'],
  ['content-type', 'Content-Type'],
  ['expires', 'Expires'],
  ['ms-asprotocolcommands', 'MS-ASProtocolCommands'],
  ['ms-asprotocolversions', 'MS-ASProtocolVersions'],
  ['ms-server-activesync', 'MS-Server-ActiveSync'],
  ['pragma', 'Pragma'],
  ['request-id', 'request-id'],
  ['retry-after', 'Retry-After'],
  ['set-cookie', 'Set-Cookie'],
  ['vary', 'Vary'],
  ['www-authenticate', 'WWW-Authenticate'],
  ['x-ms-asthrottle', 'X-MS-ASThrottle'],
  ['x-ms-backoffduration', 'X-MS-BackOffDuration'],
  ['x-ms-credential-service-url', 'X-MS-Credential-Service-Url'],
  ['x-ms-credentials-expire', 'X-MS-Credentials-Expire'],
  ['x-ms-diagnostics', 'x-ms-diagnostics'],
  ['x-ms-rp', 'X-MS-RP'],
])

/** What a reply needs of the configuration. */
export interface DeviceFieldRules {
  readonly authorizationUri: string
  readonly versions: ReadonlySet<string> | null
}

/** The head for the device. A 401 always carries a Bearer challenge with our own `authorization_uri`. */
export function deviceFields(status: number, fields: readonly Field[], rules: DeviceFieldRules): Field[] {
  const out: Field[] = []
  let challenged = false
  for (const [name, value] of fields) {
    const key = name.toLowerCase()
    const written = TO_DEVICE.get(key)
    if (written === undefined) continue
    if (key === 'set-cookie') out.push([written, scopedCookie(value)])
    else if (key === 'ms-asprotocolversions') out.push([written, allowedVersions(value, rules.versions)])
    else if (key === 'www-authenticate') {
      const challenge = ownChallenge(value, rules.authorizationUri)
      if (challenge === null) continue
      challenged = true
      out.push([written, challenge])
    } else out.push([written, value])
  }
  if (status === 401 && !challenged) out.push(['WWW-Authenticate', localChallenge(rules.authorizationUri)])
  return out
}

// Other schemes would bring back passwords; a challenge that cannot be read could name any address.
function ownChallenge(value: string, uri: string): string | null {
  if (!/^bearer(\s|$)/i.test(value.slice(0, 16))) return null
  try {
    return rewriteChallenge(value, uri)
  } catch (error) {
    if (error instanceof ChallengeError) return localChallenge(uri)
    throw error
  }
}

function allowedVersions(offered: string, allowed: ReadonlySet<string> | null): string {
  if (allowed === null) return offered
  return offered
    .split(',')
    .map((version) => version.trim())
    .filter((version) => allowed.has(version))
    .join(',')
}

/** Without Domain, always Secure; for the path of ActiveSync, or for all where the server said so (A23). */
function scopedCookie(cookie: string): string {
  const [pair = '', ...attributes] = cookie.split(';').map((part) => part.trim())
  const kept: string[] = []
  let path = EAS_PATH
  for (const attribute of attributes) {
    const [name = '', ...value] = attribute.split('=')
    const key = name.trim().toLowerCase()
    if (key === 'path') path = value.join('=').trim() === '/' ? '/' : EAS_PATH
    else if (key !== 'domain' && key !== 'secure' && attribute !== '') kept.push(attribute)
  }
  return [pair, ...kept, `Path=${path}`, 'Secure'].join('; ')
}
