import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { commandOfCode, commandOfName, EAS_COMMANDS, EAS_VERSIONS, isBefore14, parseEasVersion } from './commands.ts'

/** MS-ASHTTP 2.2.1.1.1.1.2. */
const CODES = {
  Sync: 0,
  SendMail: 1,
  SmartForward: 2,
  SmartReply: 3,
  GetAttachment: 4,
  FolderSync: 9,
  FolderCreate: 10,
  FolderDelete: 11,
  FolderUpdate: 12,
  MoveItems: 13,
  GetItemEstimate: 14,
  MeetingResponse: 15,
  Search: 16,
  Settings: 17,
  Ping: 18,
  ItemOperations: 19,
  Provision: 20,
  ResolveRecipients: 21,
  ValidateCert: 22,
  Find: 23,
}

describe('MS-ASHTTP 2.2.1.1.1.1.2 commands', () => {
  for (const code of [-1, 5, 6, 7, 8, 24, 99, 255, 0.5, NaN])
    test(`no command has code ${String(code)}`, () => {
      assert.equal(commandOfCode(code), null)
    })
  for (const name of [
    '',
    'Frobnicate',
    'Autodiscover',
    'OPTIONS',
    '__proto__',
    'constructor',
    'toString',
    ' Sync',
    '\u212aing',
  ])
    test(`no command is called ${JSON.stringify(name)}`, () => {
      assert.equal(commandOfName(name), null)
    })
  test('codes and names are the document\u2019s', () => {
    assert.deepEqual(Object.fromEntries(Object.entries(EAS_COMMANDS).map(([name, { code }]) => [name, code])), CODES)
    for (const [name, code] of Object.entries(CODES)) {
      assert.equal(commandOfCode(code), name)
      assert.equal(commandOfName(name), name)
      assert.equal(commandOfName(name.toUpperCase()), name)
    }
  })
  test('only Ping and Sync may be silent, and only Ping carries no policy key', () => {
    const rows = Object.entries(EAS_COMMANDS)
    assert.deepEqual(
      rows.filter(([, row]) => row.holdSeconds > 0).map(([name]) => name),
      ['Sync', 'Ping'],
    )
    assert.deepEqual(
      rows.filter(([, row]) => !row.carriesPolicyKey).map(([name]) => name),
      ['Ping'],
    )
  })
  test('body limits', () => {
    assert.equal(EAS_COMMANDS.FolderSync.maxBodyBytes, 262_144)
    assert.equal(EAS_COMMANDS.Sync.maxBodyBytes, 20_971_520)
    assert.equal(EAS_COMMANDS.SmartReply.maxBodyBytes, 209_715_200)
  })
})

describe('MS-ASHTTP 2.2.1.1.2.6 versions', () => {
  for (const text of ['', '14', '14.2', '14.5', '16.1 ', '016.1', '2.50', '1.0', '17.0'])
    test(`no version is ${JSON.stringify(text)}`, () => {
      assert.equal(parseEasVersion(text), null)
    })
  test('each version is itself, and three use HTTP status for refusals', () => {
    for (const version of EAS_VERSIONS) assert.equal(parseEasVersion(version), version)
    assert.deepEqual(EAS_VERSIONS.filter(isBefore14), ['2.5', '12.0', '12.1'])
  })
})
