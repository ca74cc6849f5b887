import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Settings, parseSettings } from './kinds.ts'
import { settingsDifference } from './settings-difference.ts'

const exchange = (fields: object): Settings =>
  parseSettings('exchange', { name: 'Mail', serverAddress: 'mail.example.test', ...fields })
const text = (key: string, value: string): object => ({ key, type: 'string', value })
const emailPlus = (...pairs: object[]): Settings => parseSettings('emailPlus', { name: 'Email+', pairs })
const signing = {
  signing: { enabled: true, certificate: 'sign', userMayChange: false, userMayChooseCertificate: false },
  encryption: {
    byDefault: false,
    certificate: null,
    userMayChange: false,
    userMayChooseCertificate: false,
    perMessageSwitch: false,
  },
}

describe('difference of settings', () => {
  const rows = [
    { title: 'none', from: exchange({}), to: exchange({ userName: '$USERID$' }), changes: [] },
    {
      title: 'a field, and one within another',
      from: exchange({}),
      to: exchange({
        allowMove: false,
        services: {
          mail: { enabled: true, userMayChange: true },
          contacts: { enabled: true, userMayChange: true },
          calendars: { enabled: true, userMayChange: true },
          reminders: { enabled: true, userMayChange: true },
          notes: { enabled: false, userMayChange: true },
        },
      }),
      changes: [
        { path: 'allowMove', before: true, after: false },
        { path: 'services.notes.enabled', before: true, after: false },
      ],
    },
    {
      title: 'a part that comes',
      from: exchange({ smime: null }),
      to: exchange({ smime: signing }),
      changes: [
        { path: 'smime.encryption.byDefault', before: null, after: false },
        { path: 'smime.encryption.perMessageSwitch', before: null, after: false },
        { path: 'smime.encryption.userMayChange', before: null, after: false },
        { path: 'smime.encryption.userMayChooseCertificate', before: null, after: false },
        { path: 'smime.signing.certificate', before: null, after: 'sign' },
        { path: 'smime.signing.enabled', before: null, after: true },
        { path: 'smime.signing.userMayChange', before: null, after: false },
        { path: 'smime.signing.userMayChooseCertificate', before: null, after: false },
      ],
    },
    {
      title: 'pairs by key',
      from: emailPlus(text('a', '1'), text('b', '2')),
      to: emailPlus(text('a', '1'), text('b', '3')),
      changes: [{ path: 'pairs.b', before: '2', after: '3' }],
    },
    {
      title: 'a pair that comes',
      from: emailPlus(text('a', '1')),
      to: emailPlus(text('a', '1'), { key: 'n', type: 'integer', value: 5 }),
      changes: [
        { path: 'pairs', before: ['a'], after: ['a', 'n'] },
        { path: 'pairs.n', before: null, after: 5 },
      ],
    },
    {
      title: 'the order of pairs',
      from: emailPlus(text('a', '1'), text('b', '2')),
      to: emailPlus(text('b', '2'), text('a', '1')),
      changes: [{ path: 'pairs', before: ['a', 'b'], after: ['b', 'a'] }],
    },
  ]
  for (const { title, from, to, changes } of rows) {
    test(title, () => assert.deepEqual(settingsDifference(from, to), changes))
  }
})
