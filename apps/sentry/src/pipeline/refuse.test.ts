import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FakeExchange } from '../../tests/support/fake-exchange.ts'
import { plainRefusal, refuseByHttp, retryAfter } from './refuse.ts'
import { type Reason, reasonRow, REASONS } from '../decision/reasons.ts'

const URI = 'https://sentry.example.com/proxyservice/oauth2/authorize'
const refused = (reason: Reason): { status: number; fields: Map<string, string>; body: string } => {
  const exchange = new FakeExchange()
  refuseByHttp(exchange, reason, URI)
  assert.ok(exchange.replied !== null)
  const { head, body } = exchange.replied
  return { status: head.status, fields: new Map(head.fields), body }
}

describe('refusals by HTTP', () => {
  for (const reason of Object.keys(REASONS) as Reason[])
    test(reason, () => {
      const { status, fields, body } = refused(reason)
      assert.equal(status, reasonRow(reason).http)
      assert.equal(fields.get('Content-Type'), 'text/plain; charset=utf-8')
      assert.equal(fields.get('Cache-Control'), 'no-store')
      assert.equal(fields.has('WWW-Authenticate'), status === 401, 'a challenge with 401 and with nothing else')
      assert.equal(fields.has('Retry-After'), status === 503)
      assert.ok(body.length > 0 && body.length < 100)
      assert.ok(!body.includes(reason), 'the reason is for the audit line')
    })
  for (const reason of ['TOKEN_MISSING', 'TOKEN_BASIC'] as const)
    test(`${reason === 'TOKEN_BASIC' ? 'T33' : 'T89'} ${reason}: the challenge has our address`, () => {
      const challenge = refused(reason).fields.get('WWW-Authenticate') ?? ''
      assert.ok(challenge.startsWith('Bearer '))
      assert.ok(challenge.includes(`authorization_uri="${URI}"`))
    })
  test('T74 unknown and blocked devices get the same bytes', () => {
    assert.deepEqual(refused('DEVICE_UNKNOWN'), refused('DEVICE_BLOCKED'))
    assert.deepEqual(refused('DEVICE_UNKNOWN'), refused('CERTIFICATE_MISSING'))
  })
  for (const status of [400, 408, 413, 414, 431, 501, 505])
    test(`${status} ends the connection`, () => {
      assert.ok(plainRefusal(status).head.fields.some(([name, value]) => name === 'Connection' && value === 'close'))
    })
  for (const status of [401, 403, 404, 405, 421, 429, 503])
    test(`${status} leaves the connection open`, () => {
      assert.ok(!plainRefusal(status).head.fields.some(([name]) => name === 'Connection'))
    })
  test('fields of the caller come along', () => {
    assert.deepEqual(plainRefusal(405, [['Allow', 'POST']]).head.fields.at(-1), ['Allow', 'POST'])
  })
  test('Retry-After is spread over 30 to 119 seconds', () => {
    assert.equal(
      retryAfter(() => 0),
      '30',
    )
    assert.equal(
      retryAfter(() => 0.5),
      '75',
    )
    assert.equal(
      retryAfter(() => 0.999_999),
      '119',
    )
  })
})
