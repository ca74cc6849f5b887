import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { OAuthMapError } from './model.ts'
import type { OAuthApi, OAuthMapping } from './model.ts'
import { isFormContentType, mapTokenRequest, mapTokenResponse, tokenErrorBody } from './token.ts'

const MAPPING: OAuthMapping = {
  authorizationEndpoint: 'https://login.windows.net/common/oauth2/authorize',
  tokenEndpoint: 'https://login.windows.net/common/oauth2/token',
  sentryResource: 'https://sentry.test',
  destinationResource: 'https://outlook.office365.com/',
  clients: [{ clientId: 'app', redirectUris: ['app://cb'] }],
}

interface Vector {
  test: string
  case: string
  api: OAuthApi
  body: string
  query: string
  error?: { code: string; parameter: string | null; status: number }
  out?: string
  grantType?: string
  resourceForm?: string | null
  redirectUri?: string | null
}
const VECTORS = readFileSync(new URL('../../../vectors/oauth-map/token-request.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Vector)

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const REFRESH = 'grant_type=refresh_token&client_id=app&refresh_token=r'

describe('token request to token request (RFC 6749 4.1.3 and 6, RFC 8707 2.2)', () => {
  for (const { test: id, case: title, api, body, query, error, out, ...expected } of VECTORS) {
    test(`${id} ${api}: ${title}`, () => {
      if (error === undefined) {
        const mapped = mapTokenRequest(MAPPING, api, bytes(body), query)
        assert.deepEqual(mapped, { ...expected, body: out, clientId: 'app' })
      } else {
        const map = (): unknown => mapTokenRequest(MAPPING, api, bytes(body), query)
        assert.throws(map, { name: 'OAuthMapError', ...error })
      }
    })
  }

  const tooLong = [
    { title: 'body over 64 KiB', body: `${REFRESH}&state=${'a'.repeat(65_536)}`, query: '', status: 413 },
    { title: 'query over 16 KiB', body: REFRESH, query: `x-client-x=${'a'.repeat(16_384)}`, status: 414 },
  ]
  for (const { title, body, query, status } of tooLong) {
    test(title, () => {
      assert.throws(() => mapTokenRequest(MAPPING, 'v1', bytes(body), query), { code: 'invalid_request', status })
    })
  }

  test('a body of 64 KiB exactly is mapped', () => {
    const body = `${REFRESH}&state=`
    const mapped = mapTokenRequest(MAPPING, 'v1', bytes(body + 'a'.repeat(65_536 - body.length)), '')
    assert.equal(mapped.grantType, 'refresh_token')
  })

  test('bytes that are not ASCII are refused, not guessed', () => {
    const body = Uint8Array.of(...bytes(`${REFRESH}&state=`), 0xe9)
    assert.throws(() => mapTokenRequest(MAPPING, 'v1', body, ''), { code: 'invalid_request', parameter: 'state' })
  })
})

describe('token response (RFC 6749 5.1 with the v1 endpoint’s `resource`)', () => {
  const refused = ['', '<html>busy</html>', '[]', 'null', '"x"', '{"a":1', '{"a":1}x', '\ufeff{}', '['.repeat(100_000)]
  for (const text of refused) {
    test(`T83 not a JSON object: ${text.slice(0, 12)}`, () => {
      assert.throws(() => mapTokenResponse(MAPPING, text, null), { code: 'temporarily_unavailable', status: 502 })
    })
  }
  test('T83 longer than 1 MiB', () => {
    const text = JSON.stringify({ a: 'x'.repeat(1_048_576) })
    assert.throws(() => mapTokenResponse(MAPPING, text, null), { code: 'temporarily_unavailable' })
  })

  const FORM = 'https://SENTRY.test:443/'
  const cases = [
    {
      title: 'T44 the client’s form; strings, numbers, blanks and unknown members stay',
      text: '{ "expires_in":"3599", "n":1.50e3,"big":12345678901234567890,\t"resource" : "https://outlook.office365.com/" ,"x":{"resource":"https://outlook.office365.com/"},"foci":"1"}\r\n',
      form: FORM,
      mapped: `{ "expires_in":"3599", "n":1.50e3,"big":12345678901234567890,\t"resource" : "${FORM}" ,"x":{"resource":"https://outlook.office365.com/"},"foci":"1"}\r\n`,
    },
    {
      title: 'T80 the configured form where the client wrote none; no slash in the answer',
      text: '{"resource":"https://outlook.office365.com"}',
      form: null,
      mapped: '{"resource":"https://sentry.test"}',
    },
    {
      title: 'an escaped name and value are the same member',
      text: '{"re\\u0073ource":"https:\\/\\/outlook.office365.com\\/","a":["}\\"",{}]}',
      form: null,
      mapped: '{"re\\u0073ource":"https://sentry.test","a":["}\\"",{}]}',
    },
    { title: 'another resource stays', text: '{"resource":"https://x.test"}', form: FORM, mapped: null },
    {
      title: 'a resource that is no string stays',
      text: '{"resource":["https://outlook.office365.com/"]}',
      form: FORM,
      mapped: null,
    },
    {
      title: 'T82 error body stays',
      text: '{"error":"invalid_grant","suberror":"x","claims":"{\\"a\\":1}","error_codes":[50079]}',
      form: FORM,
      mapped: null,
    },
    { title: 'no members', text: ' {} ', form: FORM, mapped: null },
  ]
  for (const { title, text, form, mapped } of cases) {
    test(title, () => assert.equal(mapTokenResponse(MAPPING, text, form), mapped ?? text))
  }
})

describe('token endpoint odds and ends', () => {
  test('error body', () => {
    const error = new OAuthMapError('invalid_target', 'resource', 'Parameter resource names another resource.')
    assert.deepEqual(JSON.parse(tokenErrorBody(error)), {
      error: 'invalid_target',
      error_description: 'Parameter resource names another resource.',
    })
    assert.equal(
      tokenErrorBody({ code: 'invalid_grant', description: 'The device is blocked.' }),
      '{"error":"invalid_grant","error_description":"The device is blocked."}',
    )
  })

  const types: [string | null, boolean][] = [
    [null, false],
    ['', false],
    ['application/json', false],
    ['multipart/form-data; boundary=x', false],
    ['application/x-www-form-urlencoded; charset=utf-16', false],
    ['application/x-www-form-urlencoded; charset=utf-8; charset=utf-8', false],
    ['application/x-www-form-urlencoded; boundary=x', false],
    ['application/x-www-form-urlencodedx', false],
    ['application/x-www-form-urlencoded', true],
    ['Application/X-WWW-Form-URLEncoded;charset=UTF-8', true],
    ['application/x-www-form-urlencoded; charset="utf-8"', true],
  ]
  for (const [value, expected] of types) {
    test(`T85 content type ${value ?? 'absent'}`, () => assert.equal(isFormContentType(value), expected))
  }
})
