/**
 * Where a token may be sent.
 * @module
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseAddress } from './address.ts'

describe('address of Core', () => {
  const refused = [
    ['core.example.com', /is no address of a Core/],
    ['ftp://core.example.com', /is no address of a Core/],
    ['http://core.example.com', /plain http is for this machine only/],
    ['http://127.0.0.1.example.com', /plain http is for this machine only/],
    ['http://localhost.example.com', /plain http is for this machine only/],
    ['http://[::2]', /plain http is for this machine only/],
    ['https://ada:secret@core.example.com', /must not hold a name or a password/],
    ['https://core.example.com/api', /must end after host and port/],
    ['https://core.example.com?x', /must end after host and port/],
  ] as const
  for (const [text, message] of refused) {
    test(`refuses ${text}`, () => assert.throws(() => parseAddress(text), { fault: 'usage', message }))
  }
  for (const text of ['https://core.example.com', 'http://127.0.0.1:8440', 'http://[::1]:8440', 'http://localhost:1']) {
    test(`takes ${text}`, () => assert.equal(parseAddress(text).origin, text))
  }
})
