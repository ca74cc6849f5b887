import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isLoopbackAddress } from './loopback.ts'

const rows = [
  { address: '', is: false },
  { address: 'localhost', is: false },
  { address: '10.0.0.1', is: false },
  { address: '128.0.0.1', is: false },
  { address: '::2', is: false },
  { address: '::ffff:10.0.0.1', is: false },
  { address: '127.0.0.1', is: true },
  { address: '127.9.9.9', is: true },
  { address: '::1', is: true },
  { address: '::ffff:127.0.0.1', is: true },
]
for (const { address, is } of rows) {
  test(`${JSON.stringify(address)} is ${is ? '' : 'not '}this machine`, () =>
    assert.equal(isLoopbackAddress(address), is))
}
