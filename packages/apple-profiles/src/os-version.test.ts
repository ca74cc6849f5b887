import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { compareOsVersions, formatOsVersion, parseOsVersion } from './os-version.ts'

describe('version of iOS', () => {
  for (const text of [
    '',
    '17.',
    '.4',
    '17.4.1.2',
    '17.4b1',
    '17,4',
    ' 17.4',
    '17.4\n',
    '-1',
    '99999',
    'iOS 17',
    '１７.4',
  ]) {
    test(`${JSON.stringify(text)} is no version`, () => assert.equal(parseOsVersion(text), null))
  }

  const read = [
    { text: '17.4.1', numbers: [17, 4, 1], short: '17.4.1' },
    { text: '17.4', numbers: [17, 4, 0], short: '17.4' },
    { text: '13', numbers: [13, 0, 0], short: '13.0' },
  ]
  for (const { text, numbers, short } of read) {
    test(`${text} is ${numbers.join(' ')}`, () => {
      const version = parseOsVersion(text) ?? assert.fail(text)
      assert.deepEqual(version, numbers)
      assert.equal(formatOsVersion(version), short)
    })
  }

  // Numbers, not text: "9.3" is older than "13.0", and 17.10 is newer than 17.9.
  const ordered = ['9.3.6', '12.5.7', '13.0', '13.0.1', '17.9', '17.10', '26.0']
  test('versions compare number by number', () => {
    const versions = ordered.map((text) => parseOsVersion(text) ?? assert.fail(text))
    assert.deepEqual([...versions].reverse().sort(compareOsVersions), versions)
    assert.equal(compareOsVersions([13, 0, 0], [13, 0, 0]), 0)
  })
})
