/**
 * Certificates of devices. Each belongs to one device for ever, and one that was revoked never counts again.
 * @module
 */
import type { Selectable } from 'kysely'
import { DEVICE_LIMITS, type IdentityInput } from '@postern/contract/api/devices'
import { readCertificates } from '@postern/pki/fingerprint'
import type { Db } from '../../database/connect.ts'
import type { Change } from '../../database/store.ts'
import type { DirectoryTables } from '../../database/tables/directory.ts'
import { lockVersion } from '../../database/versioned.ts'
import { CoreError, invalid, notFound } from '../../failure.ts'
import { toDate } from '../instant.ts'
import { refreshPosture, revokeCertificates } from '../posture/posture.ts'
import { readDevice } from './device-rows.ts'
import { deviceObject, isGone } from './devices.ts'

/** A certificate as it is stored. */
export type IdentityRow = Selectable<DirectoryTables['identities']>

interface CertificateColumns {
  readonly fingerprint: string
  readonly subject: string
  readonly issuer: string
  readonly serial: string
  readonly not_before: Date
  readonly not_after: Date
}

/** Certificates of a device, the newest first. */
export async function identitiesOf(db: Db, deviceId: string): Promise<IdentityRow[]> {
  return db
    .selectFrom('identities')
    .selectAll()
    .where('device_id', '=', deviceId)
    .orderBy('not_after', 'desc')
    .orderBy('id')
    .execute()
}

/** @throws CoreError NOT_FOUND, INVALID for what is no certificate of a device, CONFLICT when it is known already */
export async function registerIdentity(change: Change, deviceId: string, input: IdentityInput): Promise<IdentityRow> {
  await lockVersion(change, 'devices', 'device', deviceId, null)
  const device = await readDevice(change.tx, deviceId)
  if (isGone(device)) throw new CoreError('CONFLICT', `the device is ${device.state} and gets no certificate any more`)
  const columns = 'pem' in input ? ofPem(input.pem) : ofFingerprint(input)
  if (columns.not_after <= change.now) {
    throw invalid(
      'pem' in input ? 'pem' : 'notAfter',
      `expired on ${columns.not_after.toISOString()}; register a newer one`,
    )
  }
  await refuseKnown(change, deviceId, columns.fingerprint)
  const row = await change.tx
    .insertInto('identities')
    .values({ device_id: deviceId, created_at: change.now, ...columns })
    .returningAll()
    .executeTakeFirstOrThrow()
  await refreshPosture(change, [deviceId])
  const { fingerprint, subject, issuer, serial } = columns
  const after = { fingerprint, subject, issuer, serial, notAfter: columns.not_after.toISOString() }
  change.audit({ action: 'identity.register', object: deviceObject(device), after })
  return row
}

/** For ever. @throws CoreError NOT_FOUND, CONFLICT when it is revoked already */
export async function revokeIdentity(
  change: Change,
  deviceId: string,
  identityId: string,
  note: string,
): Promise<IdentityRow> {
  await lockVersion(change, 'devices', 'device', deviceId, null)
  const before = await identityOf(change.tx, deviceId, identityId)
  if (before.revoked_at !== null) throw new CoreError('CONFLICT', 'the certificate is revoked already')
  await revokeCertificates(change, [before.fingerprint], note)
  const device = await readDevice(change.tx, deviceId)
  const facts = { before: { fingerprint: before.fingerprint, revoked: false }, after: { revoked: true } }
  change.audit({ action: 'identity.revoke', object: deviceObject(device), ...facts, note })
  return identityOf(change.tx, deviceId, identityId)
}

async function identityOf(db: Db, deviceId: string, id: string): Promise<IdentityRow> {
  const query = db.selectFrom('identities').selectAll().where('id', '=', id).where('device_id', '=', deviceId)
  const row = await query.executeTakeFirst()
  if (row === undefined) throw notFound('certificate of this device', id)
  return row
}

function ofPem(pem: string): CertificateColumns {
  const [certificate, ...more] = certificatesIn(pem)
  if (certificate === undefined || more.length > 0) {
    throw invalid('pem', 'must hold one certificate: that of the device, without those of its issuers')
  }
  if (certificate.isCa) throw invalid('pem', 'is the certificate of an authority; give that of the device')
  const { fingerprint, subject, issuer, serial, notBefore, notAfter } = certificate
  if (notBefore >= notAfter) throw invalid('pem', 'is valid at no time; have it issued again')
  return { fingerprint, subject, issuer, serial, not_before: new Date(notBefore), not_after: new Date(notAfter) }
}

function certificatesIn(pem: string) {
  try {
    return readCertificates(pem)
  } catch (error) {
    throw invalid('pem', error instanceof Error ? error.message : 'is no certificate')
  }
}

function ofFingerprint(input: { fingerprint: string; notBefore: string; notAfter: string }): CertificateColumns {
  const not_before = toDate('notBefore', input.notBefore)
  const not_after = toDate('notAfter', input.notAfter)
  if (not_before >= not_after) throw invalid('notAfter', 'must be later than notBefore')
  return { fingerprint: input.fingerprint, subject: '', issuer: '', serial: '', not_before, not_after }
}

async function refuseKnown(change: Change, deviceId: string, fingerprint: string): Promise<void> {
  const known = await change.tx
    .selectFrom('identities')
    .innerJoin('devices', 'devices.id', 'identities.device_id')
    .select(['devices.id', 'devices.name'])
    .where('fingerprint', '=', fingerprint)
    .executeTakeFirst()
  if (known !== undefined) {
    const whose = known.id === deviceId ? 'this device' : `the device ${known.name} (${known.id})`
    throw new CoreError('CONFLICT', `the certificate is registered for ${whose} already; each device has its own`)
  }
  const revoked = await change.tx
    .selectFrom('posture_entries')
    .select('key')
    .where('kind', '=', 'certificate')
    .where('key', '=', fingerprint)
    .where('value', 'is not', null)
    .executeTakeFirst()
  if (revoked !== undefined) throw new CoreError('CONFLICT', 'the certificate was revoked for ever; issue a new one')
  const { count } = await change.tx
    .selectFrom('identities')
    .select((of) => of.fn.countAll<number>().as('count'))
    .where('device_id', '=', deviceId)
    .where('revoked_at', 'is', null)
    .executeTakeFirstOrThrow()
  if (count >= DEVICE_LIMITS.identities) {
    throw new CoreError(
      'CONFLICT',
      `the device has ${DEVICE_LIMITS.identities} certificates; revoke those it no longer uses`,
    )
  }
}
