import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readQuery } from './query.ts'

describe('MS-ASHTTP 2.2.1.1.1: queries as the stand-in reads them', () => {
  const rejects = [
    { title: 'a name twice', query: 'Cmd=Sync&cmd=SendMail&DeviceId=A&DeviceType=SP' },
    { title: 'no device id', query: 'Cmd=Sync&DeviceType=SP' },
    { title: 'neither form', query: 'foo=bar' },
    { title: 'base64 with an unknown command', query: 'oWMJBAZBQkMxMjMAAlNQ' },
    {
      title: 'base64 with a policy key of 3 bytes',
      query: Buffer.from('a113090401410301020302535 0'.replace(' ', ''), 'hex').toString('base64'),
    },
    {
      title: 'base64 that ends inside of a parameter',
      query: Buffer.from('a1130904014100025350080541', 'hex').toString('base64'),
    },
  ]
  for (const { title, query } of rejects) test(`refuses ${title}`, () => assert.equal(readQuery(query), null))

  test('plain', () => {
    const query = readQuery('Cmd=FolderSync&User=ann%40example.com&DeviceId=ABC123&DeviceType=iPhone&SaveInSent=T')
    assert.deepEqual(query, {
      command: 'FolderSync',
      user: 'ann@example.com',
      deviceId: 'ABC123',
      deviceType: 'iPhone',
      version: null,
      policyKey: null,
      acceptMultiPart: false,
      saveInSent: true,
      encoding: 'plain',
    })
  })
  const vectors = [
    {
      query: 'jAAJBAp2MTQwRGV2aWNlAApTbWFydFBob25l',
      command: 'Sync',
      version: '14.0',
      deviceId: 'v140Device',
      policyKey: null,
    },
    {
      query: 'oQkJBBBBcHBsODc2NTQzMjFBQkNEBGBI6k0GaVBob25lCA9hbmFAY29udG9zby5jb20=',
      command: 'FolderSync',
      user: 'ana@contoso.com',
      policyKey: '1307199584',
    },
    { query: 'oRIHBAZBQkMxMjMEAAAAAAdBbmRyb2lk', command: 'Ping', policyKey: '0', deviceType: 'Android' },
    { query: 'oRMJBAZBQkMxMjMEBwAAAAJTUAcBAg==', command: 'ItemOperations', policyKey: '7', acceptMultiPart: true },
    {
      query: 'jQIJBAZBQkMxMjME%2F%2F%2F%2F%2FwNQUEMBATUDBDU6MTIHAQE%3D',
      command: 'SmartForward',
      policyKey: '4294967295',
      saveInSent: true,
    },
    { query: 'oQAJBBAAAQIDBAUGBwgJCgsMDQ4PAANXUDg', command: 'Sync', deviceId: '000102030405060708090A0B0C0D0E0F' },
  ]
  for (const { query, ...expected } of vectors)
    test(`base64 ${expected.command} ${query}`, () => assert.partialDeepStrictEqual(readQuery(query), expected))
})
