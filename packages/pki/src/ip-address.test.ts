import assert from 'node:assert/strict'
import { isIP } from 'node:net'
import { test } from 'node:test'
import { isIpAddress } from './ip-address.ts'

const TEXTS = [
  ...[
    '',
    '1',
    '1.2.3',
    '256.1.1.1',
    '1.2.3.4.5',
    '01.2.3.4',
    '1.2.3.4 ',
    '0x7f.0.0.1',
    'mail.example.com',
    '1.2.3.4\n',
  ],
  ...[':', ':::', '1::2::3', '1:2:3:4:5:6:7:8:9', '12345::', '::g', '[::1]', '::1]/', '::1/64', '::1.2.3.256'],
  ...['127.0.0.1', '255.255.255.255', '0.0.0.0', '::', '::1', '2001:DB8::7', '1:2:3:4:5:6:7:8', '::ffff:192.0.2.1'],
]

for (const text of TEXTS) {
  test(`${JSON.stringify(text)} is judged as Node's network module does`, () => {
    assert.equal(isIpAddress(text), isIP(text) !== 0)
  })
}

test('an address with a zone is none: certificates cannot hold it', () => {
  assert.equal(isIpAddress('fe80::1%eth0'), false)
})
