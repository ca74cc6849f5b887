import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { mapAuthorize } from './authorize.ts'
import { OAuthMapError } from './model.ts'
import type { OAuthApi, OAuthMapping } from './model.ts'

const MAPPING: OAuthMapping = {
  authorizationEndpoint: 'https://login.windows.net/common/oauth2/authorize',
  tokenEndpoint: 'https://login.windows.net/common/oauth2/token',
  sentryResource: 'https://sentry.test',
  destinationResource: 'https://outlook.office365.com/',
  clients: [
    { clientId: 'app', redirectUris: ['app://cb', 'https://app.test/cb'] },
    {
      clientId: 'f8d98a96-0999-43f5-8af3-69971c7bb423',
      redirectUris: ['com.apple.Preferences://oauth-redirect/', 'com.apple.mobilemail://oauth-redirect'],
    },
  ],
}

interface Vector {
  test: string
  case: string
  api: OAuthApi
  query: string
  error?: { code: string; parameter: string | null; status: number }
  location?: string
  clientId?: string
  resourceForm?: string | null
}
const VECTORS = readFileSync(new URL('../../../vectors/oauth-map/authorize.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Vector)

const SIGN_IN = 'response_type=code&client_id=app&redirect_uri=app%3A%2F%2Fcb'

describe('authorize request to redirect (RFC 6749 4.1.1, RFC 8707 2)', () => {
  for (const { test: id, case: title, api, query, error, ...expected } of VECTORS) {
    test(`${id} ${api}: ${title}`, () => {
      if (error === undefined) assert.deepEqual(mapAuthorize(MAPPING, api, query), expected)
      else assert.throws(() => mapAuthorize(MAPPING, api, query), { name: 'OAuthMapError', ...error })
    })
  }

  test('T40 claims of 40 KiB is 414', () => {
    const query = `${SIGN_IN}&claims=${'a'.repeat(40_960)}`
    assert.throws(() => mapAuthorize(MAPPING, 'v1', query), { code: 'invalid_request', status: 414 })
  })

  test('T40 claims of 7 KiB with odd blanks and escapes is equal after decoding', () => {
    const claims = `{ "access_token" :{"xms_cc":{"values":["cp1"]},"x": "\\u00e9\\ud83d  ${'z'.repeat(7_000)}" } }`
    const query = `${SIGN_IN}&claims=${encodeURIComponent(claims)}`
    assert.equal(new URL(mapAuthorize(MAPPING, 'v1', query).location).searchParams.get('claims'), claims)
  })

  test('more than 256 parameters are refused', () => {
    const query = `${SIGN_IN}${'&x=1'.repeat(254)}`
    assert.throws(() => mapAuthorize(MAPPING, 'v1', query), { code: 'invalid_request', status: 400 })
  })

  test('login_hint of the certificate is added only where the client has none', () => {
    const hint = { loginHint: 'ann@x.test' }
    assert.match(mapAuthorize(MAPPING, 'v1', SIGN_IN, hint).location, /&login_hint=ann%40x\.test$/)
    const own = new URL(mapAuthorize(MAPPING, 'v1', `${SIGN_IN}&login_hint=bob%40x.test`, hint).location)
    assert.deepEqual(own.searchParams.getAll('login_hint'), ['bob@x.test'])
  })

  test('no message contains a value of the request', () => {
    for (const { api, query, error } of VECTORS) {
      if (error === undefined) continue
      try {
        mapAuthorize(MAPPING, api, query)
      } catch (thrown) {
        assert.ok(thrown instanceof OAuthMapError)
        assert.doesNotMatch(thrown.message, /evil|graph|apple|Set-Cookie|["\\]|[^\x20-\x7e]/i)
      }
    }
  })

  test('every value is equal after decoding, in order, and the target never moves', () => {
    const name = fc.stringMatching(/^x-[a-zA-Z0-9._-]{1,12}$/)
    const value = fc.string({ unit: 'binary' }).filter((text) => !hasControl(text))
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value), { maxLength: 8 }), (extra) => {
        const query = `${SIGN_IN}&${new URLSearchParams(extra).toString()}`
        const { location } = mapAuthorize(MAPPING, 'v1', query)
        const url = new URL(location)
        assert.equal(url.origin + url.pathname, MAPPING.authorizationEndpoint)
        assert.deepEqual([...url.searchParams].slice(3, -1), extra)
        assert.match(location, /^[\x21-\x7e]+$/)
      }),
      { numRuns: 200 },
    )
  })
})

function hasControl(text: string): boolean {
  return [...text].some((character) => {
    const code = character.codePointAt(0) ?? 0
    return code < 0x20 || (code > 0x7e && code < 0xa0) || (code > 0xd7ff && code < 0xe000)
  })
}
