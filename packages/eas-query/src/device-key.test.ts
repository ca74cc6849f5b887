import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { deviceKey, deviceKeyOfBytes } from './device-key.ts'

describe('device key', () => {
  const texts = [
    { text: 'Appl87654321abcd', key: 'APPL87654321ABCD' },
    { text: '', key: '' },
    { text: 'straße', key: 'STRAßE' },
    { text: 'ı', key: 'ı' },
  ]
  for (const { text, key } of texts)
    test(`text ${JSON.stringify(text)}`, () => {
      assert.equal(deviceKey(text), key)
    })
  const bytes = [
    { hex: '763134304465766963', text: 'v140Devic', key: 'V140DEVIC' },
    { hex: '00ff10', text: '00FF10', key: '00FF10' },
    { hex: '412d42', text: '412D42', key: '412D42' },
    { hex: '7a7b', text: '7A7B', key: '7A7B' },
  ]
  for (const { hex, text, key } of bytes)
    test(`bytes ${hex}`, () => {
      assert.deepEqual(deviceKeyOfBytes(Uint8Array.from(Buffer.from(hex, 'hex'))), { text, key })
    })
})
