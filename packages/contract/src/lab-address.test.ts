import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseLabAddress } from './lab-address.ts'

describe('addresses of a laboratory', () => {
  const refused = [
    '',
    'localhost',
    '127.0.0.1:',
    '127.0.0.1:0',
    '127.0.0.1:65536',
    '127.1',
    '01.2.3.4',
    '256.0.0.1:1',
    '::1:443:',
    '[::1]',
    '[::1]:0',
    'x:1',
  ]
  for (const text of refused) test(`${JSON.stringify(text)} is none`, () => assert.equal(parseLabAddress(text), null))
  const taken = [
    ['127.0.0.1', { address: '127.0.0.1', port: null }],
    ['127.0.0.1:20443', { address: '127.0.0.1', port: 20_443 }],
    ['::1', { address: '::1', port: null }],
    ['[::1]:1', { address: '::1', port: 1 }],
  ] as const
  for (const [text, address] of taken) test(text, () => assert.deepEqual(parseLabAddress(text), address))
})
