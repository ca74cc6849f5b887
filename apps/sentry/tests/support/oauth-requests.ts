/**
 * OAuth requests byte by byte, and what their answers must look like.
 * @module
 */
import assert from 'node:assert/strict'
import type { Lab, LabDevice } from '@postern/harness/lab'
import type { RawResponse } from '@postern/harness/raw-client'

/** An answer of Sentry to a request of the lab. */
export type Reply = Awaited<ReturnType<Lab['oauth']>>

/** The two clients of the lab, percent-encoded as they stand in a query or form. */
export const APPLE = {
  clientId: 'f8d98a96-0999-43f5-8af3-69971c7bb423',
  redirectUri: 'com.apple.Preferences%3A%2F%2Foauth-redirect',
} as const
export const EMAIL_PLUS = {
  clientId: '3c7c5f31-6d0a-4c7e-9d53-2a2f0b6f4e11',
  redirectUri: 'emailplus%3A%2F%2Fcom.example.emailplus',
} as const

/** A v1 authorize query that is served, without resource and state. */
export const AUTHORIZE = `response_type=code&client_id=${APPLE.clientId}&redirect_uri=${APPLE.redirectUri}`
/** A refresh that is served, without resource. */
export const REFRESH = `grant_type=refresh_token&refresh_token=canary-refresh&client_id=${APPLE.clientId}`
/** A code redemption that is served. */
export const REDEEM = `grant_type=authorization_code&code=canary-code&client_id=${APPLE.clientId}&redirect_uri=${APPLE.redirectUri}`

export const V1_AUTHORIZE = '/proxyservice/oauth2/authorize'
export const V1_TOKEN = '/proxyservice/oauth2/token'
export const V2_AUTHORIZE = '/proxyservice/oauth2/v2.0/authorize'
export const V2_TOKEN = '/proxyservice/oauth2/v2.0/token'

/** Sends a GET with exactly this target; `more` are whole header lines. */
export async function getRaw(lab: Lab, target: string, more: readonly string[] = []): Promise<RawResponse> {
  await using client = await lab.raw(null)
  const lines = [`GET ${target} HTTP/1.1`, `Host: ${lab.sentryName}`, ...more, '', '']
  await client.send(lines.join('\r\n'))
  return await client.readResponse()
}

/** Sends an authorize request with exactly this query. */
export function authorize(lab: Lab, query: string, path = V1_AUTHORIZE): Promise<RawResponse> {
  return getRaw(lab, `${path}?${query}`)
}

/** How a token request differs from the usual one. */
export interface FormPost {
  path?: string
  device?: LabDevice | null
  headers?: Record<string, string | string[] | null>
  sentry?: string
}

/** Posts a form with exactly these bytes. */
export function post(lab: Lab, body: string | Uint8Array, options: FormPost = {}): Promise<Reply> {
  const { path = V1_TOKEN, device = null, headers = {}, sentry } = options
  return lab.oauth(path, {
    method: 'POST',
    body,
    headers: { 'Content-Type': 'application/x-www-form-urlencoded', Accept: 'application/json', ...headers },
    identity: device === null ? null : device.identity,
    ...(sentry === undefined ? {} : { sentry }),
  })
}

/** The parameters of a query or form, decoded, in order. */
export function pairsOf(text: string): [string, string][] {
  return [...new URLSearchParams(text)]
}

/** The query of a redirect that must go to `endpoint`. */
export function redirectedTo(reply: RawResponse, endpoint: string): [string, string][] {
  assert.equal(reply.status, 302, reply.body.toString())
  const location = reply.header('location') ?? ''
  assert.equal(location.slice(0, endpoint.length + 1), `${endpoint}?`)
  return pairsOf(location.slice(endpoint.length + 1))
}

/** The members of a JSON answer. */
export function jsonOf(body: Buffer): Record<string, unknown> {
  const value: unknown = JSON.parse(body.toString('utf8'))
  assert.ok(typeof value === 'object' && value !== null)
  return value as Record<string, unknown>
}

/** A local refusal of an authorize request: no redirect, nothing that could become one, no cookie. */
export function assertRefusedPage(reply: RawResponse, statuses: readonly number[], error?: string): void {
  assert.ok(statuses.includes(reply.status), `${reply.status} ${reply.body.toString()}`)
  assert.deepEqual([reply.all('location'), reply.all('refresh'), reply.all('set-cookie')], [[], [], []])
  if (error !== undefined) assert.equal(jsonOf(reply.body)['error'], error)
}

/** A local refusal of a token request. */
export function assertRefusedToken(reply: Reply, status: number, error?: string): void {
  assert.equal(reply.status, status, reply.body.toString())
  assert.equal(reply.headers['location'], undefined)
  if (error !== undefined) {
    assert.equal(jsonOf(reply.body)['error'], error)
    assert.match(reply.headers['cache-control'] ?? '', /no-store/)
  }
}

/** A token with these claims that nobody signed. */
export function unsignedToken(claims: Record<string, unknown>): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ typ: 'JWT', alg: 'RS256', kid: 'none' })}.${part(claims)}.c2lnbmF0dXJl`
}

/** Claims of a mail token of this person. */
export function mailClaims(upn: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    aud: 'https://outlook.office365.com/',
    iss: 'https://sts.windows.net/5d1c1e39-95f4-4b6e-8c2c-9a1c6f9c2a10/',
    exp: Math.floor(Date.now() / 1_000) + 3_600,
    appid: APPLE.clientId,
    tid: '5d1c1e39-95f4-4b6e-8c2c-9a1c6f9c2a10',
    upn,
    ...more,
  }
}
