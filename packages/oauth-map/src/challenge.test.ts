import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { authorizationUri, localChallenge, rewriteChallenge } from './challenge.ts'

interface Vector {
  test: string
  case: string
  in: string
  out?: string
  error?: string
  offset?: number
}
const VECTORS = readFileSync(new URL('../../../vectors/oauth-map/challenge.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Vector)
const URI = 'https://sentry.test/proxyservice/oauth2/authorize'

describe('WWW-Authenticate (RFC 9110 11.6.1, RFC 6750 3)', () => {
  for (const vector of VECTORS) {
    test(`${vector.test} ${vector.case}`, () => {
      if (vector.out !== undefined) assert.equal(rewriteChallenge(vector.in, URI), vector.out)
      else assert.throws(() => rewriteChallenge(vector.in, URI), { code: vector.error, offset: vector.offset })
    })
  }

  test('longer than 16 KiB', () => {
    assert.throws(() => rewriteChallenge(`Bearer a="${'x'.repeat(16_384)}"`, URI), { code: 'CHALLENGE_TOO_LONG' })
  })

  for (const uri of ['https://x"y', 'https://x\\y', 'https://x\r\ny', 'https://x/\u00e9']) {
    test(`a URL that cannot be quoted: ${JSON.stringify(uri)}`, () => {
      assert.throws(() => rewriteChallenge('Bearer', uri), { code: 'CHALLENGE_UNSAFE_VALUE' })
      assert.throws(() => localChallenge(uri), { code: 'CHALLENGE_UNSAFE_VALUE' })
    })
  }

  test('T89 our own challenge has the recorded shape', () => {
    const recorded = VECTORS.find(({ test: id }) => id === 'T89')
    assert.equal(localChallenge(URI), recorded?.out)
    assert.match(localChallenge(URI, { error: 'invalid_request' }), /, error="invalid_request"$/)
  })

  test('the authorization URL is on the Sentry Resource’s origin', () => {
    const mapping = { authorizationEndpoint: '', tokenEndpoint: '', destinationResource: '', clients: [] }
    assert.equal(authorizationUri({ ...mapping, sentryResource: 'https://SENTRY.test:443/' }), URI)
    const withPort = authorizationUri({ ...mapping, sentryResource: 'https://localhost:8443' })
    assert.equal(withPort, 'https://localhost:8443/proxyservice/oauth2/authorize')
    assert.throws(() => authorizationUri({ ...mapping, sentryResource: 'sentry' }), { code: 'server_error' })
  })
})
