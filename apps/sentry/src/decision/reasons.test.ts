import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { EAS_STATUSES } from '@postern/eas-policy/status'
import { type Reason, reasonRow, REASONS } from './reasons.ts'

describe('every row of the reasons', () => {
  for (const reason of Object.keys(REASONS) as Reason[]) {
    const { eas, http, posture, alarm, remedy } = reasonRow(reason)
    test(reason, () => {
      assert.ok(http >= 400 && http <= 599, 'a refusal has an error code')
      assert.ok(eas === null || Object.hasOwn(EAS_STATUSES, eas), 'the Status is one of MS-ASCMD 2.2.2')
      assert.ok(eas === null || eas < 142 || eas > 144, 'Ping and OPTIONS carry no policy key (T103)')
      assert.ok(remedy.length > 0 && remedy.endsWith('.'), 'a sentence for a person')
      assert.ok(!(posture && alarm), 'what an administrator decided is no attack')
      // MS-ASHTTP R265, R446, R447: 401, 403 and 500 make a device search for another server.
      assert.notEqual(http, 500)
      if (http === 401) assert.ok(reason.startsWith('TOKEN_'), 'a challenge helps only where the token is at fault')
      if (reason.startsWith('CERTIFICATE_') && reason !== 'CERTIFICATE_USER_MISMATCH') {
        assert.deepEqual({ eas, http }, { eas: null, http: 403 }, '5.5: plain 403 without a challenge')
      }
      if (reason.endsWith('_MISMATCH') && reason !== 'SNI_MISMATCH') {
        assert.deepEqual({ eas, http, alarm }, { eas: 130, http: 403, alarm: true }, '5.5: disagreement')
      }
      if (reason.startsWith('UPSTREAM_')) assert.equal(http, 503)
    })
  }
  test('report mode lets through these and no others', () => {
    const posture = (Object.keys(REASONS) as Reason[]).filter((reason) => reasonRow(reason).posture)
    assert.deepEqual(posture.sort(), [
      'DEVICE_BLOCKED',
      'DEVICE_UNKNOWN',
      'DEVICE_WIPED',
      'USER_BLOCKED',
      'WIPE_NOT_SUPPORTED',
      'WIPE_PENDING',
    ])
  })
})
