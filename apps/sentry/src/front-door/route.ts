/**
 * Which of the few paths a request names: compared byte for byte, no decoding, no normalising (A4, A5).
 * @module
 */
import type { OAuthApi } from '@postern/oauth-map/model'

/** A path that is served, and what for. */
export type Route =
  | { readonly kind: 'activesync' }
  | { readonly kind: 'authorize' | 'token' | 'metadata'; readonly api: OAuthApi }
  | { readonly kind: 'instance-discovery' }
  | { readonly kind: 'autodiscover-xml' | 'autodiscover-json' }

const ROUTES = new Map<string, Route>([
  ['/proxyservice/oauth2/authorize', { kind: 'authorize', api: 'v1' }],
  ['/proxyservice/oauth2/token', { kind: 'token', api: 'v1' }],
  ['/proxyservice/oauth2/v2.0/authorize', { kind: 'authorize', api: 'v2' }],
  ['/proxyservice/oauth2/v2.0/token', { kind: 'token', api: 'v2' }],
  ['/proxyservice/.well-known/openid-configuration', { kind: 'metadata', api: 'v1' }],
  ['/proxyservice/v2.0/.well-known/openid-configuration', { kind: 'metadata', api: 'v2' }],
  ['/common/discovery/instance', { kind: 'instance-discovery' }],
])

const AUTODISCOVER = new Map<string, Route>([
  ['/autodiscover/autodiscover.xml', { kind: 'autodiscover-xml' }],
  ['/Autodiscover/Autodiscover.xml', { kind: 'autodiscover-xml' }],
  ['/autodiscover/autodiscover.json', { kind: 'autodiscover-json' }],
])
/** An older form of version 2 has the address in the path; the answer is the same for every address. */
const AUTODISCOVER_JSON_V1 = '/autodiscover/autodiscover.json/v1.0/'

const EAS_PATH = '/microsoft-server-activesync'

/** `query`: what follows the first question mark, undecoded; null when there is none. */
export interface Target {
  readonly route: Route | null
  readonly query: string | null
}

/** Splits a request target at its first question mark and names its path. */
export function readTarget(target: string, autodiscover: boolean): Target {
  const mark = target.indexOf('?')
  const path = mark < 0 ? target : target.slice(0, mark)
  const query = mark < 0 ? null : target.slice(mark + 1)
  return { route: routeOf(path, autodiscover), query }
}

function routeOf(path: string, autodiscover: boolean): Route | null {
  if (isEasPath(path)) return { kind: 'activesync' }
  const found = ROUTES.get(path)
  if (found !== undefined) return found
  if (!autodiscover) return null
  const oldForm = path.startsWith(AUTODISCOVER_JSON_V1) && !path.includes('/', AUTODISCOVER_JSON_V1.length)
  return AUTODISCOVER.get(path) ?? (oldForm ? { kind: 'autodiscover-json' } : null)
}

// The servers compare this path without regard to ASCII case, and with or without one slash at its end (1.1).
function isEasPath(path: string): boolean {
  const bare = path.endsWith('/') ? path.slice(0, -1) : path
  return bare.length === EAS_PATH.length && bare.replace(/[A-Z]/g, (letter) => letter.toLowerCase()) === EAS_PATH
}
