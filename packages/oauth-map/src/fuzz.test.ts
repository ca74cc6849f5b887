/**
 * Any input to the decoders of this package: a value or the decoder's own error, in bounded time.
 * POSTERN_FUZZ_MS is the budget of each, milliseconds, default 500.
 * @module
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { mapAuthorize } from './authorize.ts'
import { ChallengeError, rewriteChallenge } from './challenge.ts'
import { tokenClaims } from './claims.ts'
import { OAuthMapError } from './model.ts'
import type { OAuthMapping } from './model.ts'
import { mapTokenRequest, mapTokenResponse } from './token.ts'

const BUDGET_MS = Number(process.env['POSTERN_FUZZ_MS'] ?? '500')
/** One input may cost this much at most; generous, because the machine is shared. */
const WORST_MS = 500

const MAPPING: OAuthMapping = {
  authorizationEndpoint: 'https://login.windows.net/common/oauth2/authorize',
  tokenEndpoint: 'https://login.windows.net/common/oauth2/token',
  sentryResource: 'https://sentry.test',
  destinationResource: 'https://outlook.office365.com/',
  clients: [{ clientId: 'app', redirectUris: ['app://cb'] }],
}

const base64url = (text: string): string => Buffer.from(text).toString('base64url')
const pieces = (...words: string[]): fc.Arbitrary<string> =>
  fc
    .array(fc.oneof(fc.constantFrom(...words), fc.string({ unit: 'binary', maxLength: 8 })), { maxLength: 40 })
    .map((parts) => parts.join(''))

const FORM = pieces(
  ...['grant_type=refresh_token', '&', 'client_id=app', '&refresh_token=r', '&resource=https%3A%2F%2Fsentry.test'],
  ...['&scope=', '%', '%C3', '+', '=', '&code=', 'redirect_uri=app%3A%2F%2Fcb', '&response_type=code'],
)
const CHALLENGE = pieces('Bearer ', 'authorization_uri=', '"', '\\', ', ', '=', ' ', 'Negotiate ', 'error="x"', '\t')
const JSON_TEXT = fc.oneof(
  fc.json(),
  pieces('{', '}', '"upn":', '"aud":', '"resource":', '"https://outlook.office365.com/"', ',', '[', ']', '\\', '1e9'),
)
const TOKEN = fc.oneof(
  pieces('.', 'e30', '=', '-', '_'),
  fc.tuple(JSON_TEXT, JSON_TEXT).map(([header, payload]) => `${base64url(header)}.${base64url(payload)}.`),
)

/** Inputs that cost most where a scanner looks back or ahead too far. */
const LARGE = ['&', 'a=&', '%41', '"', 'Bearer ', 'a=b,', 'A'.repeat(64), '{"a":', '[', '\\"', ', ', '=']

describe('fuzz: a value or its own error, in bounded time', () => {
  fuzz('token form', FORM, OAuthMapError, (text) => {
    mapTokenRequest(MAPPING, 'v2', new TextEncoder().encode(text), '')
  })
  fuzz('authorize query', FORM, OAuthMapError, (text) => mapAuthorize(MAPPING, 'v1', text))
  fuzz('token response', JSON_TEXT, OAuthMapError, (text) => {
    const mapped = mapTokenResponse(MAPPING, text, null)
    assert.deepEqual(Object.keys(JSON.parse(mapped) as object), Object.keys(JSON.parse(text) as object))
  })
  fuzz('challenge', CHALLENGE, ChallengeError, (text) => {
    const rewritten = rewriteChallenge(text, 'https://sentry.test/a')
    assert.equal(rewriteChallenge(rewritten, 'https://sentry.test/a'), rewritten)
  })
  fuzz('claims', TOKEN, null, (text) => tokenClaims(text))
})

function fuzz(
  name: string,
  inputs: fc.Arbitrary<string>,
  own: typeof OAuthMapError | typeof ChallengeError | null,
  decode: (text: string) => unknown,
): void {
  const attempt = (text: string): void => {
    const started = performance.now()
    try {
      decode(text)
    } catch (error) {
      if (own === null || !(error instanceof own)) throw error
    }
    assert.ok(performance.now() - started < WORST_MS, 'one input took too long')
  }
  test(`${name}: large inputs`, () => {
    for (const piece of LARGE) {
      attempt(piece.repeat(Math.ceil(16_000 / piece.length)))
      attempt(piece.repeat(Math.ceil(1_000_000 / piece.length)))
    }
  })
  test(`${name}: ${BUDGET_MS} ms`, () => {
    fc.assert(fc.property(inputs, attempt), {
      numRuns: Number.MAX_SAFE_INTEGER,
      interruptAfterTimeLimit: BUDGET_MS,
      markInterruptAsFailure: false,
    })
  })
}
