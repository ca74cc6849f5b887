/**
 * One token request to the identity provider: our own connection, fields by allow-list, no second try (codes and
 * refresh tokens are used up by the first).
 * @module
 */
import { endpointFor, type OAuthApi } from '@postern/oauth-map/model'
import { MAX_TOKEN_RESPONSE } from '@postern/oauth-map/token'
import type { HeaderFields } from '../listener/header-fields.ts'
import type { Job } from '../pipeline/job.ts'
import { UpstreamError } from '../transport/upstream/upstream-error.ts'
import type { UpstreamResponse } from '../transport/upstream/upstream-types.ts'

type Field = readonly [name: string, value: string]

/** Never Cookie, Origin, Referer, Authorization or X-Forwarded-*; PKeyAuth is not announced (3.5, 3.7). */
const TO_PROVIDER = new Map([
  ['accept', 'Accept'],
  ['accept-language', 'Accept-Language'],
  ['client-request-id', 'client-request-id'],
  ['return-client-request-id', 'return-client-request-id'],
  ['user-agent', 'User-Agent'],
  ['x-anchormailbox', 'X-AnchorMailbox'],
])
const LIBRARY_PREFIX = 'x-client-'
const FROM_PROVIDER = new Map([
  ['client-request-id', 'client-request-id'],
  ['retry-after', 'Retry-After'],
  ['x-ms-request-id', 'x-ms-request-id'],
])

/** No usable answer; `code` is the transport's, or what was wrong with the answer. */
export class IdentityProviderError extends Error {
  override name = 'IdentityProviderError'
  readonly code: string
  constructor(code: string) {
    super(code)
    this.code = code
  }
}

/** A JSON object as text, with the status it came with and the fields that may go on. */
export interface IdentityProviderAnswer {
  readonly status: number
  readonly fields: readonly Field[]
  readonly text: string
}

/** @throws IdentityProviderError */
export async function askIdentityProvider(job: Job, api: OAuthApi, body: string): Promise<IdentityProviderAnswer> {
  const { runtime, exchange } = job
  const url = new URL(endpointFor(runtime.mapping, api, 'token'))
  const { connectMs, identityProviderMs } = runtime.timeouts
  const call = runtime.identityProviderClient.request({
    target: { host: url.hostname, port: url.port === '' ? 443 : Number(url.port) },
    method: 'POST',
    path: `${url.pathname}${url.search}`,
    hostHeader: url.host,
    headers: providerFields(exchange.fields),
    body: { kind: 'bytes', bytes: Buffer.from(body) },
    affinity: null,
    timeouts: { connectMs, responseHeadMs: identityProviderMs, responseIdleMs: identityProviderMs },
  })
  exchange.onGone(() => {
    call.abort()
  })
  const late = setTimeout(() => {
    call.abort()
  }, identityProviderMs + connectMs)
  try {
    const response = await call.response
    return { status: response.status, fields: deviceFields(response), text: await readJsonObject(response) }
  } catch (error) {
    if (error instanceof UpstreamError) throw new IdentityProviderError(error.code)
    throw error
  } finally {
    clearTimeout(late)
    call.abort()
  }
}

function providerFields(fields: HeaderFields): Field[] {
  const out: Field[] = [['Content-Type', 'application/x-www-form-urlencoded']]
  for (const [name, value] of fields.entries) {
    const written = TO_PROVIDER.get(name) ?? (name.startsWith(LIBRARY_PREFIX) ? name : undefined)
    if (written !== undefined) out.push([written, value])
  }
  return out
}

function deviceFields(response: UpstreamResponse): Field[] {
  const out: Field[] = []
  for (const [name, value] of response.headers) {
    const written = FROM_PROVIDER.get(name.toLowerCase())
    if (written !== undefined) out.push([written, value])
  }
  return out
}

async function readJsonObject(response: UpstreamResponse): Promise<string> {
  if (response.status >= 300 && response.status < 400) throw new IdentityProviderError('PROVIDER_REDIRECT')
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response.body) {
    const bytes = chunk as Buffer
    size += bytes.length
    if (size > MAX_TOKEN_RESPONSE) throw new IdentityProviderError('PROVIDER_ANSWER_TOO_LARGE')
    chunks.push(bytes)
  }
  const text = Buffer.concat(chunks).toString('utf8')
  try {
    const parsed: unknown = JSON.parse(text)
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return text
  } catch {
    // A page, or half an object: not for a device.
  }
  throw new IdentityProviderError('PROVIDER_ANSWER_NOT_JSON')
}
