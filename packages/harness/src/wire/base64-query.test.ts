import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { writeBase64Query } from './base64-query.ts'

describe('MS-ASHTTP 2.2.1.1.1.1 base64 query, as a phone writes it', () => {
  const rejects = [
    { title: 'a command without a code', command: 'Autodiscover', deviceId: 'A', policyKey: null },
    { title: 'a device id of 256 bytes', command: 'Sync', deviceId: 'A'.repeat(256), policyKey: null },
    { title: 'a policy key of 33 bits', command: 'Sync', deviceId: 'A', policyKey: 2 ** 32 },
  ]
  for (const { title, ...fields } of rejects)
    test(`refuses ${title}`, () =>
      assert.throws(() => writeBase64Query({ version: '16.1', deviceType: 'SP', ...fields }), RangeError))

  const vectors = [
    {
      title: 'the document’s own example: 14.0 Sync without a key',
      fields: { version: '14.0', command: 'Sync', deviceId: 'v140Device', policyKey: null, deviceType: 'SmartPhone' },
      expected: 'jAAJBAp2MTQwRGV2aWNlAApTbWFydFBob25l',
    },
    {
      title: '16.1 FolderSync with key and User',
      fields: {
        version: '16.1',
        command: 'FolderSync',
        deviceId: 'Appl87654321ABCD',
        policyKey: 1307199584,
        deviceType: 'iPhone',
        parameters: [[8, 'ana@contoso.com']] as [number, string][],
      },
      expected: 'oQkJBBBBcHBsODc2NTQzMjFBQkNEBGBI6k0GaVBob25lCA9hbmFAY29udG9zby5jb20=',
    },
    {
      title: '16.1 Ping, other locale, key 0 in four bytes',
      fields: {
        version: '16.1',
        command: 'Ping',
        locale: 0x0407,
        deviceId: 'ABC123',
        policyKey: 0,
        deviceType: 'Android',
      },
      expected: 'oRIHBAZBQkMxMjMEAAAAAAdBbmRyb2lk',
    },
    {
      title: '14.1 SmartForward with the highest key and three parameters',
      fields: {
        version: '14.1',
        command: 'SmartForward',
        deviceId: 'ABC123',
        policyKey: 0xffffffff,
        deviceType: 'PPC',
        parameters: [
          [1, '5'],
          [3, '5:12'],
          [7, Uint8Array.of(1)],
        ] as [number, string | Uint8Array][],
      },
      expected: 'jQIJBAZBQkMxMjME/////wNQUEMBATUDBDU6MTIHAQE=',
    },
    {
      title: '16.1 Sync with raw bytes as device id',
      fields: {
        version: '16.1',
        command: 'Sync',
        deviceId: Uint8Array.from({ length: 16 }, (_, i) => i),
        policyKey: null,
        deviceType: 'WP8',
      },
      expected: 'oQAJBBAAAQIDBAUGBwgJCgsMDQ4PAANXUDg=',
    },
  ]
  for (const { title, fields, expected } of vectors) test(title, () => assert.equal(writeBase64Query(fields), expected))
})
