/**
 * Which of the stand-in's endpoints a path names.
 * @module
 */
import { INNER, SIGN_IN } from './provider.ts'

/** An endpoint; `tenant` as the path names it. */
export type Route =
  | { kind: 'authorize' | 'token' | 'metadata'; tenant: string; v2: boolean }
  | { kind: 'keys' | 'instance'; tenant: string }
  | { kind: 'sign-in' | 'resume' | 'none' }

const BY_REST: ReadonlyMap<string, (tenant: string) => Route> = new Map([
  ['oauth2/authorize', (tenant: string): Route => ({ kind: 'authorize', tenant, v2: false })],
  ['oauth2/v2.0/authorize', (tenant: string): Route => ({ kind: 'authorize', tenant, v2: true })],
  ['oauth2/token', (tenant: string): Route => ({ kind: 'token', tenant, v2: false })],
  ['oauth2/v2.0/token', (tenant: string): Route => ({ kind: 'token', tenant, v2: true })],
  ['.well-known/openid-configuration', (tenant: string): Route => ({ kind: 'metadata', tenant, v2: false })],
  ['v2.0/.well-known/openid-configuration', (tenant: string): Route => ({ kind: 'metadata', tenant, v2: true })],
  ['discovery/keys', (tenant: string): Route => ({ kind: 'keys', tenant })],
  ['discovery/v2.0/keys', (tenant: string): Route => ({ kind: 'keys', tenant })],
  ['discovery/instance', (tenant: string): Route => ({ kind: 'instance', tenant })],
])

/** Finds it. */
export function routeOf(path: string): Route {
  if (path.startsWith(SIGN_IN)) return { kind: 'sign-in' }
  if (path.startsWith(`${INNER.authorize}/`)) return { kind: 'resume' }
  const slash = path.indexOf('/', 1)
  return BY_REST.get(path.slice(slash + 1))?.(path.slice(1, slash)) ?? { kind: 'none' }
}
