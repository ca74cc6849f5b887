import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { newTotpSecret, totpStep, totpUri } from './totp.ts'

// RFC 6238 appendix B, SHA-1: its secret is the text "12345678901234567890"; its codes have 8 digits, ours are the last 6.
const SECRET = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'

describe('RFC 6238 codes', () => {
  const codes = [
    { seconds: 59, code: '287082' },
    { seconds: 1_111_111_109, code: '081804' },
    { seconds: 1_111_111_111, code: '050471' },
    { seconds: 1_234_567_890, code: '005924' },
    { seconds: 2_000_000_000, code: '279037' },
    { seconds: 20_000_000_000, code: '353130' },
  ]
  for (const { seconds, code } of codes) {
    const step = Math.floor(seconds / 30)
    const judge = (at: number, lastStep = 0) => totpStep(SECRET, code, lastStep, at * 1_000)
    test(`of ${seconds} is good then and one step to both sides, once`, () => {
      assert.equal(judge(seconds), step)
      assert.equal(judge(seconds - 30), step)
      assert.equal(judge(seconds + 30), step)
      assert.equal(judge(seconds - 60), null)
      assert.equal(judge(seconds + 60), null)
      assert.equal(judge(seconds, step), null)
      assert.equal(judge(seconds, step + 1), null)
    })
  }
  test('what is no code is none', () => {
    for (const code of ['', '28708', '2870820', 'abcdef']) assert.equal(totpStep(SECRET, code, 0, 59_000), null)
  })
  test('secrets have 160 bits and differ', () => {
    assert.match(newTotpSecret(), /^[A-Z2-7]{32}$/)
    assert.notEqual(newTotpSecret(), newTotpSecret())
  })
  test('the URI names issuer and account', () => {
    assert.equal(
      totpUri(SECRET, 'grace'),
      `otpauth://totp/Postern:grace?issuer=Postern&secret=${SECRET}&algorithm=SHA1&digits=6&period=30`,
    )
  })
})
