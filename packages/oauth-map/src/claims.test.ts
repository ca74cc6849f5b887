import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { describe, test } from 'node:test'
import { audienceAccepted, tokenClaims } from './claims.ts'

const part = (text: string): string => Buffer.from(text).toString('base64url')
const token = (payload: string, header = '{"alg":"RS256","nonce":"n"}', signature = 'c2ln'): string =>
  `${part(header)}.${part(payload)}.${signature}`

describe('compact JWS, read to deny (RFC 7515 7.1, RFC 7519 4.1)', () => {
  const refused: [string, string][] = [
    ['nothing', ''],
    ['garbage', 'garbage'],
    ['two parts', `${part('{}')}.${part('{}')}`],
    ['five parts', 'a.b.c.d.e'],
    ['four parts', `${token('{}')}.x`],
    ['empty header', `.${part('{}')}.`],
    ['empty payload', `${part('{}')}..`],
    ['padding', `${part('{}')}.${part('{ }')}=.`],
    ['standard alphabet', `${part('{}')}.${part('{"a":"?>~"}').replaceAll('-', '+').replaceAll('_', '/')}+.`],
    ['left-over bits', `${part('{}')}.e31.`],
    ['impossible length', `${part('{}')}.e30xx.`],
    ['a signature of other letters', `${part('{}')}.${part('{}')}.x=`],
    ['header is no object', token('{}', '[]')],
    ['payload is no object', token('"x"')],
    ['payload is not UTF-8', `${part('{}')}.${Buffer.from([0x22, 0xff, 0x22]).toString('base64url')}.`],
    ['byte order mark', token('\ufeff{}')],
    ['blank around it', ` ${token('{}')}`],
    ['repeated upn', token('{"upn":"ann@x.test","upn":"bob@x.test"}')],
    ['repeated upn by an escape', token('{"upn":"ann@x.test","\\u0075pn":"bob@x.test"}')],
    ['repeated aud', token('{"aud":"a","aud":"a"}')],
    ['upn is no string', token('{"upn":["ann@x.test"]}')],
    ['aud of numbers', token('{"aud":[1]}')],
    ['exp is a string', token('{"exp":"1"}')],
    ['exp out of range', token('{"exp":1e999}')],
    ['longer than 16 KiB', token(`{"x":"${'y'.repeat(16_384)}"}`)],
  ]
  for (const [title, jwt] of refused) test(`T32 ${title}`, () => assert.equal(tokenClaims(jwt), null))

  test('v1 token of Exchange Online', () => {
    const payload =
      '{"aud":"https://outlook.office365.com","iss":"https://sts.windows.net/t/","exp":1700000000,"appid":"a","oid":"o","tid":"t","upn":"ann@x.test","unique_name":"ann2@x.test","scp":"EAS.AccessAsUser.All","ver":"1.0","x":1,"x":2}'
    assert.deepEqual(tokenClaims(token(payload)), {
      audiences: ['https://outlook.office365.com'],
      tenantId: 't',
      objectId: 'o',
      user: 'ann@x.test',
      appId: 'a',
      expiresAt: 1_700_000_000,
    })
  })

  test('v2 token, guest without upn, no signature', () => {
    const payload = '{"aud":["a","b"],"azp":"z","preferred_username":"ann@x.test","upn":""}'
    assert.deepEqual(tokenClaims(token(payload, '{}', '')), {
      audiences: ['a', 'b'],
      tenantId: null,
      objectId: null,
      user: 'ann@x.test',
      appId: 'z',
      expiresAt: null,
    })
  })
})

describe('audience', () => {
  const WORLD = 'https://outlook.office365.com/'
  const CHINA = 'https://partner.outlook.cn/'
  const cases: [string[], string, boolean][] = [
    [[], WORLD, false],
    [['https://graph.microsoft.com'], WORLD, false],
    [['00000003-0000-0000-c000-000000000000'], WORLD, false],
    [['https://outlook.office365.com', 'https://graph.microsoft.com'], WORLD, false],
    [['https://sentry.test'], WORLD, false],
    [['https://outlook.office365.com'], CHINA, false],
    [['https://outlook.office.com'], CHINA, false],
    [['https://outlook.office365.com.evil.test'], WORLD, false],
    [['https://outlook.office365.com'], WORLD, true],
    [['https://outlook.office365.com/'], 'https://outlook.office365.com', true],
    [['https://outlook.office.com/'], WORLD, true],
    [['00000002-0000-0ff1-ce00-000000000000'], CHINA, true],
    [['https://partner.outlook.cn'], CHINA, true],
  ]
  for (const [audiences, destination, expected] of cases) {
    test(`T32 ${audiences.join(' ')} for ${destination}`, () => {
      const claims = tokenClaims(token(JSON.stringify({ aud: audiences })))
      assert.ok(claims !== null)
      assert.equal(audienceAccepted(claims, destination), expected)
    })
  }
})
