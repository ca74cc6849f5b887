/**
 * How a machine becomes a Sentry, and stays one: a token buys one certificate, a certificate its successor. Names play no
 * part in it, and what a certificate request says about itself is not read (CVE-2026-5787).
 * @module
 */
import type { EnrolRequest, GatewayIdentity } from '@postern/contract/feed/enrolment'
import type { Authority, IssuedCertificate } from '@postern/pki/authority'
import type { Db } from '../../database/connect.ts'
import type { Change, Tx } from '../../database/store.ts'
import { CoreError, invalid } from '../../failure.ts'
import { tokenHash } from './invitation.ts'
import { schemaProblem } from './schemas.ts'
import { type KeyClaim, standingOf } from './standing.ts'

const DAY_MS = 86_400_000
/** Life of a Sentry's certificate, and when it is to ask for the next. Days. */
const GATEWAY_DAYS = { life: 90, renewAfter: 60 } as const
/** A replaced key that is still good until its successor was used, so that a lost reply locks nobody out. Milliseconds. */
const OLD_KEY_MS = DAY_MS
/** Clocks differ. Milliseconds. */
const SKEW_MS = 300_000

/** The Sentry that a token is for. @throws CoreError NOT_SIGNED_IN: one answer for unknown, spent and expired */
export async function sentryOfToken(db: Db, token: string, now: number): Promise<{ id: string; name: string }> {
  const hash = tokenHash(token)
  const row =
    hash === null
      ? undefined
      : await db
          .selectFrom('sentries')
          .select(['id', 'name'])
          .where('token_hash', '=', hash)
          .where('token_expires_at', '>', new Date(now))
          .executeTakeFirst()
  return row ?? refuseToken()
}

function refuseToken(): never {
  throw new CoreError('NOT_SIGNED_IN', 'the token is unknown, used or older than an hour; get a new one from Core')
}

/**
 * Spends the token: of two at once one wins. Any key that the Sentry had before is dead from then on.
 * @throws CoreError NOT_SIGNED_IN, INVALID (csr), CONFLICT when the key is another Sentry's or the releases do not fit
 */
export async function enrolSentry(
  change: Change,
  authority: Authority,
  { token, csr, version, schemas }: EnrolRequest,
): Promise<GatewayIdentity> {
  const { tx, now } = change
  const row = await tx
    .selectFrom('sentries')
    .select(['id', 'name', 'registered_at'])
    .where('token_hash', '=', tokenHash(token))
    .where('token_expires_at', '>', now)
    .forUpdate()
    .executeTakeFirst()
  if (row === undefined) return refuseToken()
  const problem = schemaProblem(schemas)
  if (problem !== null) throw new CoreError('CONFLICT', problem)
  if (!/^[\x21-\x7e]+$/.test(version)) throw invalid('version', 'must be printable ASCII without spaces, such as 1.2.3')
  const issued = await issueFor(authority, row, csr, now)
  await refuseForeignKey(tx, row.id, issued.publicKeyFingerprint)
  const before = await tx.deleteFrom('sentry_keys').where('sentry_id', '=', row.id).returning('fingerprint').execute()
  await tx
    .insertInto('sentry_keys')
    .values(keyRow(row.id, issued, now))
    .execute()
  await tx
    .updateTable('sentries')
    .set({ token_hash: null, token_expires_at: null, registered_at: now, revoked_at: null })
    .where('id', '=', row.id)
    .execute()
  // Another machine: what the one before reported says nothing of it.
  await tx.deleteFrom('sentry_states').where('sentry_id', '=', row.id).execute()
  await tx
    .insertInto('sentry_states')
    .values({ sentry_id: row.id, software_version: version, schemas: [...schemas] })
    .execute()
  change.audit({
    action: 'sentry.register',
    object: { kind: 'sentry', id: row.id, name: row.name },
    before: row.registered_at === null ? null : { fingerprints: before.map((key) => key.fingerprint) },
    after: { fingerprint: issued.publicKeyFingerprint, serial: issued.serial, softwareVersion: version },
  })
  change.wake('sentries')
  return identityOf(authority, row, issued)
}

/**
 * A new certificate over the present one. Another key is allowed; the present one then stays good until the new one is
 * used, and a day at most.
 * @throws CoreError NOT_SIGNED_IN when the key lost its standing meanwhile, INVALID (csr), CONFLICT
 */
export async function renewIdentity(
  change: Change,
  authority: Authority,
  claim: KeyClaim,
  csr: string,
): Promise<GatewayIdentity> {
  const { tx, now } = change
  const row = await tx
    .selectFrom('sentries')
    .select(['id', 'name'])
    .where('id', '=', claim.sentryId)
    .forUpdate()
    .executeTakeFirst()
  const standing = await standingOf(tx, claim, now.getTime())
  if (row === undefined || standing.kind !== 'good') {
    throw new CoreError('NOT_SIGNED_IN', 'this key may not speak for a Sentry any more')
  }
  const issued = await issueFor(authority, row, csr, now)
  const fresh = issued.publicKeyFingerprint
  await refuseForeignKey(tx, row.id, fresh)
  await tx
    .deleteFrom('sentry_keys')
    .where('sentry_id', '=', row.id)
    .where('fingerprint', 'not in', [claim.fingerprint, fresh])
    .execute()
  if (fresh === claim.fingerprint) {
    const set = { serial: issued.serial, not_after: new Date(issued.notAfter) }
    await tx.updateTable('sentry_keys').set(set).where('fingerprint', '=', fresh).execute()
  } else {
    await tx.deleteFrom('sentry_keys').where('fingerprint', '=', fresh).execute()
    await tx
      .insertInto('sentry_keys')
      .values(keyRow(row.id, issued, now))
      .execute()
    await tx
      .updateTable('sentry_keys')
      .set({ good_until: new Date(now.getTime() + OLD_KEY_MS) })
      .where('fingerprint', '=', claim.fingerprint)
      .where('good_until', 'is', null)
      .execute()
  }
  change.audit({
    action: 'sentry.renew',
    object: { kind: 'sentry', id: row.id, name: row.name },
    before: { fingerprint: claim.fingerprint },
    after: { fingerprint: fresh, serial: issued.serial },
  })
  return identityOf(authority, row, issued)
}

async function issueFor(
  authority: Authority,
  { id, name }: { id: string; name: string },
  csr: string,
  now: Date,
): Promise<IssuedCertificate> {
  const life = { notBefore: now.getTime() - SKEW_MS, notAfter: now.getTime() + GATEWAY_DAYS.life * DAY_MS }
  try {
    return await authority.issueGateway({ csr, sentryId: id, name, ...life })
  } catch (error) {
    if (error instanceof Error && error.name === 'PkiError') throw invalid('csr', error.message)
    throw error
  }
}

async function refuseForeignKey(tx: Tx, sentryId: string, fingerprint: string): Promise<void> {
  const owner = await tx
    .selectFrom('sentry_keys')
    .select('sentry_id')
    .where('fingerprint', '=', fingerprint)
    .executeTakeFirst()
  if (owner === undefined || owner.sentry_id === sentryId) return
  throw new CoreError('CONFLICT', 'this key belongs to another Sentry; make a new key')
}

function keyRow(sentryId: string, issued: IssuedCertificate, now: Date) {
  return {
    fingerprint: issued.publicKeyFingerprint,
    sentry_id: sentryId,
    serial: issued.serial,
    not_after: new Date(issued.notAfter),
    created_at: now,
  }
}

function identityOf(
  authority: Authority,
  { id, name }: { id: string; name: string },
  issued: IssuedCertificate,
): GatewayIdentity {
  return {
    sentryId: id,
    name,
    certificatePem: issued.certificatePem,
    authoritiesPem: [authority.certificatePem],
    notAfter: issued.notAfter,
    renewAfter: issued.notAfter - (GATEWAY_DAYS.life - GATEWAY_DAYS.renewAfter) * DAY_MS,
  }
}
