/**
 * Core's own authority for what phones see: it issues to Standalone Sentries that name no certificate. Phones must be
 * given its root. Made when first needed.
 * @module
 */
import { randomBytes } from 'node:crypto'
import { isIP } from 'node:net'
import { sql } from 'kysely'
import type { StandaloneSentry } from '@postern/contract/standalone-sentry'
import { type Authority, createAuthority, openAuthority } from '@postern/pki/authority'
import { createKeyPair } from '@postern/pki/certificate-request'
import { readCertificates } from '@postern/pki/fingerprint'
import type { Db } from '../../database/connect.ts'
import type { Change } from '../../database/store.ts'
import type { Vault } from '../../secrets/vault.ts'
import { findingsOf } from './certificate-files.ts'

const DAY_MS = 86_400_000
/** Ten years; replacing it means a new root on every phone. */
const AUTHORITY_DAYS = 3_650
/** Under the 398 days that phones accept of any certificate. */
const LEAF_DAYS = 397
/** So long before its end a certificate is issued anew. Days. */
export const RENEW_BEFORE_DAYS = 30
/** Clocks of phones differ. Milliseconds. */
const SKEW_MS = DAY_MS
/** Held while making the authority, so that two Cores make one. */
const AUTHORITY_LOCK = 7_205_203

/** The root's certificate in PEM, or null while nothing was issued. */
export async function deviceRoot(db: Db): Promise<string | null> {
  const row = await db.selectFrom('device_authority').select('certificate_pem').executeTakeFirst()
  return row?.certificate_pem ?? null
}

/** Host names of a Standalone Sentry that its certificate must cover. */
export function namesOf({
  sentryHost,
  alternativeNames,
}: Pick<StandaloneSentry, 'sentryHost' | 'alternativeNames'>): string[] {
  return [sentryHost, ...alternativeNames]
}

/**
 * Sees to it that the profile has a certificate of ours that covers its names and does not end soon. Returns whether a new
 * one was made. `id`: of the profile.
 */
export async function ensureIssued(
  change: Change,
  vault: Vault,
  profile: { readonly id: string; readonly name: string },
  names: readonly string[],
): Promise<boolean> {
  const old = await change.tx
    .selectFrom('certificates')
    .selectAll()
    .where('issued_for', '=', profile.id)
    .forUpdate()
    .executeTakeFirst()
  if (old?.chain_pem != null) {
    const privateKeyPem = await vault.read(change.tx, 'tls-key', old.key_id)
    const findings = findingsOf({ chainPem: old.chain_pem, privateKeyPem }, names, change.now)
    const name = issuedName(profile.name, profile.id)
    if (findings.length === 0 && old.name === name) return false
  }
  const issued = await issue(change, vault, names)
  const row = {
    name: issuedName(profile.name, profile.id),
    key_id: await vault.put(change.tx, 'tls-key', issued.privateKeyPem),
    chain_pem: issued.chainPem,
    not_after: new Date(issued.notAfter),
  }
  if (old === undefined) {
    await change.tx
      .insertInto('certificates')
      .values({
        ...row,
        source: 'issued',
        issued_for: profile.id,
        findings: '[]',
        created_at: change.now,
        updated_at: change.now,
      })
      .execute()
  } else {
    const versioned = { ...row, version: old.version + 1, updated_at: change.now }
    await change.tx.updateTable('certificates').set(versioned).where('id', '=', old.id).execute()
    await vault.remove(change.tx, old.key_id)
  }
  const after = { names, fingerprint: issued.fingerprint, notAfter: row.not_after.toISOString(), key: '(secret)' }
  change.audit({ action: 'certificate.issue', object: { kind: 'certificate', name: row.name }, after })
  change.wake('sentries')
  return true
}

/** Removes what was issued for a profile, with its key. */
export async function removeIssued(change: Change, vault: Vault, profileId: string): Promise<void> {
  const removed = await change.tx
    .deleteFrom('certificates')
    .where('issued_for', '=', profileId)
    .returning(['name', 'key_id'])
    .executeTakeFirst()
  if (removed === undefined) return
  await vault.remove(change.tx, removed.key_id)
  change.audit({ action: 'certificate.remove', object: { kind: 'certificate', name: removed.name } })
}

// The id keeps the names apart when a profile takes the name that another had.
function issuedName(name: string, id: string): string {
  return `${name.slice(0, 100)} (issued by Core, ${id.slice(0, 8)})`
}

async function issue(
  change: Change,
  vault: Vault,
  names: readonly string[],
): Promise<{ chainPem: string; privateKeyPem: string; notAfter: number; fingerprint: string }> {
  const authority = await openDeviceAuthority(change, vault)
  const { privateKeyPem, publicKey } = await createKeyPair('P-256')
  const root = readCertificates(authority.certificatePem)[0]
  const now = change.now.getTime()
  const issued = await authority.issueServer({
    publicKey,
    dnsNames: names.filter((name) => isIP(name) === 0),
    ipAddresses: names.filter((name) => isIP(name) !== 0),
    notBefore: Math.max(now - SKEW_MS, root?.notBefore ?? 0),
    notAfter: Math.min(now + (LEAF_DAYS - 1) * DAY_MS, root?.notAfter ?? now),
  })
  const { certificatePem, notAfter, fingerprint } = issued
  return { chainPem: certificatePem + authority.certificatePem, privateKeyPem, notAfter, fingerprint }
}

async function openDeviceAuthority(change: Change, vault: Vault): Promise<Authority> {
  await sql`select pg_advisory_xact_lock(${sql.lit(AUTHORITY_LOCK)})`.execute(change.tx)
  const row = await change.tx.selectFrom('device_authority').selectAll().executeTakeFirst()
  if (row !== undefined) {
    const privateKeyPem = await vault.read(change.tx, 'device-ca-key', row.key_id)
    return openAuthority({ certificatePem: row.certificate_pem, privateKeyPem })
  }
  const now = change.now.getTime()
  const made = await createAuthority({
    // Phones show it: two installations must not look alike.
    commonName: `Postern root ${randomBytes(4).toString('hex')}`,
    keyType: 'P-384',
    notBefore: now - 2 * SKEW_MS,
    notAfter: now + AUTHORITY_DAYS * DAY_MS,
  })
  const key_id = await vault.put(change.tx, 'device-ca-key', made.privateKeyPem)
  await change.tx.insertInto('device_authority').values({ certificate_pem: made.certificatePem, key_id }).execute()
  const fingerprint = readCertificates(made.certificatePem)[0]?.fingerprint
  change.audit({
    action: 'device-authority.create',
    object: { kind: 'device-authority' },
    after: { fingerprint, key: '(secret)' },
  })
  return openAuthority(made)
}
