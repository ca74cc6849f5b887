/**
 * The token endpoint: checked, mapped, sent to the identity provider, and its answer mapped back (3.7).
 * A blocked user, and a device that shows its registered certificate and is blocked, get no fresh token, whatever the
 * identity provider says.
 * @module
 */
import { type TokenClaims, tokenClaims } from '@postern/oauth-map/claims'
import { type OAuthApi, type OAuthErrorCode, OAuthMapError } from '@postern/oauth-map/model'
import {
  isFormContentType,
  MAX_TOKEN_BODY,
  mapTokenRequest,
  mapTokenResponse,
  tokenErrorBody,
} from '@postern/oauth-map/token'
import { BodyError, readBody } from '../listener/request-body.ts'
import type { Exchange } from '../listener/exchange.ts'
import type { CertificateFinding, Verdict } from '../decision/decide.ts'
import type { Job } from '../pipeline/job.ts'
import { type Reason, reasonRow } from '../decision/reasons.ts'
import { refuseByHttp } from '../pipeline/refuse.ts'
import { admit, decideAndRecord } from './admission.ts'
import { askIdentityProvider, type IdentityProviderAnswer, IdentityProviderError } from './identity-provider.ts'

type Field = readonly [name: string, value: string]

const JSON_FIELDS: readonly Field[] = [
  ['Content-Type', 'application/json; charset=utf-8'],
  ['Cache-Control', 'no-store'],
  ['Pragma', 'no-cache'],
]

/** Relays one code redemption or refresh; every refusal is JSON in the form of RFC 6749, 5.2. */
export async function token(job: Job, api: OAuthApi): Promise<void> {
  const { exchange, record } = job
  record.endpoint = 'token'
  record.event = 'token'
  const certificate = await admit(job)
  if (certificate === null) return
  const form = formReason(exchange)
  if (form !== null) {
    refuseWith(job, form)
    return
  }
  const before = decideAndRecord(job, certificate, null)
  if (before.kind !== 'allow') {
    refuseGrant(job, before)
    return
  }
  try {
    const body = await readBody(exchange, MAX_TOKEN_BODY, job.runtime.timeouts.bodyGraceMs)
    const mapped = mapTokenRequest(job.runtime.mapping, api, body, job.query ?? '')
    const answer = await askIdentityProvider(job, api, mapped.body)
    record.upstreamStatus = answer.status
    deliver(job, certificate, answer, mapped.resourceForm)
  } catch (error) {
    fail(job, error)
  }
}

function formReason({ fields, bodyLength }: Exchange): Reason | null {
  const encoding = fields.value('content-encoding')
  if (encoding !== null && encoding.toLowerCase() !== 'identity') return 'BODY_ENCODING'
  if (!isFormContentType(fields.value('content-type'))) return 'BODY_ENCODING'
  return (bodyLength ?? 0) > MAX_TOKEN_BODY ? 'BODY_TOO_LARGE' : null
}

/** The answer goes on only when the user in it may have mail. */
function deliver(
  job: Job,
  certificate: CertificateFinding,
  answer: IdentityProviderAnswer,
  resourceForm: string | null,
): void {
  const { exchange, record, runtime } = job
  const granted = answer.status < 300
  if (granted) {
    const claimed = claimsOf(answer.text)
    // Asked again even when the tokens name nobody: the policy may have changed while the identity provider thought.
    for (const claims of claimed.length === 0 ? [null] : claimed) {
      record.user = claims?.user ?? record.user
      const verdict = decideAndRecord(job, certificate, claims)
      if (verdict.kind !== 'allow') {
        refuseGrant(job, verdict)
        return
      }
    }
  }
  const text = granted ? mapTokenResponse(runtime.mapping, answer.text, resourceForm) : answer.text
  exchange.reply({ status: answer.status, fields: [...JSON_FIELDS, ...answer.fields] }, Buffer.from(text))
}

// Received straight from the identity provider over verified TLS, so no signature needs checking (OpenID Core 3.1.3.7).
function claimsOf(text: string): TokenClaims[] {
  const answer: unknown = JSON.parse(text)
  if (typeof answer !== 'object' || answer === null) return []
  const jwts = ['access_token', 'id_token'].map((name) =>
    Object.hasOwn(answer, name) ? (answer as Record<string, unknown>)[name] : null,
  )
  return jwts.map((jwt) => (typeof jwt === 'string' ? tokenClaims(jwt) : null)).filter((claims) => claims !== null)
}

/** `invalid_grant` makes a client ask for a new sign-in, where the device gets the same no. */
function refuseGrant({ exchange }: Job, verdict: Verdict): void {
  const reason = verdict.kind === 'refuse' ? verdict.reason : 'DEVICE_BLOCKED'
  const { http, posture, alarm } = reasonRow(reason)
  if (http === 503) {
    json(exchange, http, 'temporarily_unavailable', 'Sign-in is not possible now. Try again later.')
    return
  }
  if (!posture && !alarm) {
    json(exchange, http, 'access_denied', 'The device certificate is missing or not accepted.')
    return
  }
  json(exchange, 400, 'invalid_grant', 'The device or user may not have company mail now. Ask your administrator.')
}

function refuseWith({ exchange, record, runtime }: Job, reason: Reason): void {
  record.refused(reason)
  refuseByHttp(exchange, reason, runtime.authorizationUri)
}

function fail(job: Job, error: unknown): void {
  const { exchange, record } = job
  if (error instanceof BodyError) {
    refuseWith(job, error.reason)
    return
  }
  if (error instanceof IdentityProviderError) {
    record.failed('IDENTITY_PROVIDER')
    record.note(error.code)
    json(
      exchange,
      error.code === 'UPSTREAM_TIMEOUT' ? 503 : 502,
      'temporarily_unavailable',
      'The sign-in service did not answer properly. Try again.',
    )
    return
  }
  if (!(error instanceof OAuthMapError)) throw error
  record.refused('OAUTH_REFUSED', [`${error.code}${error.parameter === null ? '' : `: ${error.parameter}`}`])
  exchange.reply({ status: error.status, fields: JSON_FIELDS }, Buffer.from(tokenErrorBody(error)))
}

function json(exchange: Exchange, status: number, code: OAuthErrorCode | 'access_denied', description: string): void {
  exchange.reply(
    { status, fields: JSON_FIELDS },
    Buffer.from(JSON.stringify({ error: code, error_description: description })),
  )
}
