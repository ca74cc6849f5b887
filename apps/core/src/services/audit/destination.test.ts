import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { addressProblem, allowedAddresses, staysHere } from './destination.ts'

const refused = [
  '169.254.169.254',
  '169.254.0.1',
  '::ffff:169.254.169.254',
  '0.0.0.0',
  '0.1.2.3',
  '::',
  'fe80::1',
  'febf::1',
  'ff02::1',
  'fd00:ec2::254',
  '224.0.0.1',
  '255.255.255.255',
  '100.100.100.200',
  '168.63.129.16',
]
const allowed = ['10.0.0.1', '192.168.1.1', '127.0.0.1', '::1', 'fd00::1', '2001:db8::1', '192.0.2.1', 'log.example']

describe('where an administrator may make Core connect to', () => {
  for (const address of refused) {
    test(`not ${address}`, async () => {
      assert.match(addressProblem(address) ?? '', /name a machine/)
      await assert.rejects(allowedAddresses(address), /name a machine/)
    })
  }
  for (const address of allowed) test(`${address} is no problem`, () => assert.equal(addressProblem(address), null))
  test('what stays on this machine', () => {
    assert.deepEqual(['127.0.0.1', '127.9.9.9', '::1', '10.0.0.1', '128.0.0.1'].map(staysHere), [
      true,
      true,
      true,
      false,
      false,
    ])
  })
})
