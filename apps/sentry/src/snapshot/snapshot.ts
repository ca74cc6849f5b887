/**
 * The policy snapshot as decisions read it: immutable, indexed once, replaced by one assignment.
 * @module
 */
import type { PolicyDevice, PolicySnapshot } from '@postern/contract/policy-snapshot'
import { deviceKey } from '@postern/eas-query/device-key'

/** `writtenAt`: when the file was last written, milliseconds since 1970; its age counts from there. */
export interface Snapshot {
  readonly version: number
  readonly mode: 'enforce' | 'report'
  readonly writtenAt: number
  readonly deviceByCertificate: ReadonlyMap<string, PolicyDevice>
  readonly devicesByEasKey: ReadonlyMap<string, readonly PolicyDevice[]>
  readonly devicesByUser: ReadonlyMap<string, readonly PolicyDevice[]>
  readonly easKeysByDevice: ReadonlyMap<string, ReadonlySet<string>>
  readonly revokedCertificates: ReadonlySet<string>
  readonly blockedUsers: ReadonlySet<string>
}

/** Users compare after NFC and without regard to ASCII case only: no other letter may turn into an ASCII one (6.3). */
export function userKey(user: string): string {
  const parts = user.split(TURNS_ASCII).map((part) => (TURNS_ASCII.test(part) ? part : part.normalize('NFC')))
  return parts.join('').replace(/[A-Z]/g, (letter) => letter.toLowerCase())
}

/** All characters that NFC itself makes ASCII: the Greek question mark, the varia and the Kelvin sign. */
const TURNS_ASCII = /([\u037E\u1FEF\u212A])/

/** Indexes a parsed snapshot. */
export function toSnapshot(policy: PolicySnapshot, writtenAt: number): Snapshot {
  const deviceByCertificate = new Map<string, PolicyDevice>()
  const devicesByEasKey = new Map<string, PolicyDevice[]>()
  const devicesByUser = new Map<string, PolicyDevice[]>()
  const easKeysByDevice = new Map<string, Set<string>>()
  for (const device of policy.devices) {
    for (const certificate of device.certificates) deviceByCertificate.set(certificate, device)
    const keys = new Set(device.easDeviceIds.map(deviceKey))
    easKeysByDevice.set(device.id, keys)
    for (const key of keys) append(devicesByEasKey, key, device)
    append(devicesByUser, userKey(device.user), device)
  }
  return {
    version: policy.version,
    mode: policy.mode,
    writtenAt,
    deviceByCertificate,
    devicesByEasKey,
    devicesByUser,
    easKeysByDevice,
    revokedCertificates: new Set(policy.revokedCertificates),
    blockedUsers: new Set(policy.blockedUsers.map(userKey)),
  }
}

function append<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [value])
  else list.push(value)
}
