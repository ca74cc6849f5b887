/**
 * TLS certificates and trusted roots as administrators see them. Private keys never leave the vault for this.
 * @module
 */
import type { CertificateFactsShown, TlsCertificate, TrustedRoot } from '@postern/contract/api/certificates'
import { type CertificateFacts, readCertificates } from '@postern/pki/fingerprint'
import type { Selectable } from 'kysely'
import type { Db } from '../../database/connect.ts'
import { pageOf } from '../../database/paging.ts'
import type { Tables } from '../../database/tables.ts'
import { notFound } from '../../failure.ts'

type CertificateRow = Selectable<Tables['certificates']>
type RootRow = Selectable<Tables['trusted_roots']>

/** A Standalone Sentry that refers to something. */
export interface User {
  readonly id: string
  readonly name: string
}

interface PageQuery {
  readonly limit?: number | undefined
  readonly cursor?: string | undefined
}

const DAY_MS = 86_400_000
const BY_NAME = [
  { by: 'name', type: 'text' },
  { by: 'id', type: 'uuid' },
] as const

/** Whole days until `end`; negative when it is over. */
export function daysLeft(end: Date, now: Date): number {
  return Math.floor((end.getTime() - now.getTime()) / DAY_MS)
}

/** A page by name. */
export async function listCertificates(
  db: Db,
  query: PageQuery,
  now: Date,
): Promise<{ items: TlsCertificate[]; next: string | null }> {
  const page = await pageOf(db.selectFrom('certificates').selectAll(), { ...query, sort: 'name', columns: BY_NAME })
  const users = await usersOfCertificates(db, page.items)
  return { items: page.items.map((row) => toCertificate(row, users.get(row.id) ?? [], now)), next: page.next }
}

/** @throws CoreError NOT_FOUND */
export async function readCertificate(db: Db, id: string, now: Date): Promise<TlsCertificate> {
  const row = await certificateRow(db, id)
  return toCertificate(row, (await usersOfCertificates(db, [row])).get(id) ?? [], now)
}

/** @throws CoreError NOT_FOUND */
export async function certificateRow(db: Db, id: string): Promise<CertificateRow> {
  const row = await db.selectFrom('certificates').selectAll().where('id', '=', id).executeTakeFirst()
  if (row === undefined) throw notFound('certificate', id)
  return row
}

/** A page by name, of one purpose or of both. */
export async function listRoots(
  db: Db,
  { purpose, ...query }: PageQuery & { readonly purpose?: 'device' | 'upstream' | undefined },
  now: Date,
): Promise<{ items: TrustedRoot[]; next: string | null }> {
  let rows = db.selectFrom('trusted_roots').selectAll()
  if (purpose !== undefined) rows = rows.where('purpose', '=', purpose)
  const page = await pageOf(rows, { ...query, sort: 'name', columns: BY_NAME })
  const ids = page.items.map(({ id }) => id)
  const users = await usersOfRoots(db, ids)
  return { items: page.items.map((row) => toRoot(row, users.get(row.id) ?? [], now)), next: page.next }
}

/** @throws CoreError NOT_FOUND */
export async function readRoot(db: Db, id: string, now: Date): Promise<TrustedRoot> {
  const row = await rootRow(db, id)
  return toRoot(row, (await usersOfRoots(db, [id])).get(id) ?? [], now)
}

/** @throws CoreError NOT_FOUND */
export async function rootRow(db: Db, id: string): Promise<RootRow> {
  const row = await db.selectFrom('trusted_roots').selectAll().where('id', '=', id).executeTakeFirst()
  if (row === undefined) throw notFound('trusted root', id)
  return row
}

/** Standalone Sentries by the certificate that they use. */
export async function usersOfCertificates(
  db: Db,
  rows: readonly Pick<CertificateRow, 'id' | 'issued_for'>[],
): Promise<Map<string, User[]>> {
  if (rows.length === 0) return new Map()
  const ids = rows.map(({ id }) => id)
  const named = await db
    .selectFrom('sentry_profile_certificates as use')
    .innerJoin('sentry_profiles as profile', 'profile.id', 'use.profile_id')
    .select(['use.certificate_id as of', 'profile.id', 'profile.name'])
    .where('use.certificate_id', 'in', ids)
    .orderBy('profile.name')
    .execute()
  const issued = await db
    .selectFrom('certificates')
    .innerJoin('sentry_profiles as profile', 'profile.id', 'certificates.issued_for')
    .select(['certificates.id as of', 'profile.id', 'profile.name'])
    .where('certificates.id', 'in', ids)
    .execute()
  return byThing([...named, ...issued])
}

/** Standalone Sentries by the trusted root that they use. */
export async function usersOfRoots(db: Db, ids: readonly string[]): Promise<Map<string, User[]>> {
  if (ids.length === 0) return new Map()
  const named = await db
    .selectFrom('sentry_profile_roots as use')
    .innerJoin('sentry_profiles as profile', 'profile.id', 'use.profile_id')
    .select(['use.root_id as of', 'profile.id', 'profile.name'])
    .where('use.root_id', 'in', ids)
    .orderBy('profile.name')
    .execute()
  return byThing(named)
}

function byThing(
  rows: readonly { readonly of: string; readonly id: string; readonly name: string }[],
): Map<string, User[]> {
  const users = new Map<string, User[]>()
  for (const { of, id, name } of rows) users.set(of, [...(users.get(of) ?? []), { id, name }])
  return users
}

function toCertificate(row: CertificateRow, usedBy: readonly User[], now: Date): TlsCertificate {
  return {
    id: row.id,
    version: row.version,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
    name: row.name,
    source: row.source,
    state: row.chain_pem === null ? 'pending' : 'ready',
    requestPem: row.request_pem,
    chainPem: row.chain_pem,
    chain: row.chain_pem === null ? [] : readCertificates(row.chain_pem).map(toFacts),
    notAfter: row.not_after?.toISOString() ?? null,
    daysLeft: row.not_after === null ? null : daysLeft(row.not_after, now),
    findings: [...row.findings],
    usedBy: [...usedBy],
  }
}

function toRoot(row: RootRow, usedBy: readonly User[], now: Date): TrustedRoot {
  const { crl_this_update: thisUpdate, crl_next_update: nextUpdate, crl_revoked: revoked } = row
  return {
    id: row.id,
    version: row.version,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
    name: row.name,
    purpose: row.purpose,
    pem: row.pem,
    certificates: readCertificates(row.pem).map(toFacts),
    notAfter: row.not_after.toISOString(),
    daysLeft: daysLeft(row.not_after, now),
    crl:
      thisUpdate === null
        ? null
        : {
            thisUpdate: thisUpdate.toISOString(),
            nextUpdate: nextUpdate?.toISOString() ?? null,
            revoked: revoked ?? 0,
            overdue: nextUpdate !== null && nextUpdate < now,
          },
    usedBy: [...usedBy],
  }
}

/** What the audit log and lists say of a certificate. */
export function toFacts(facts: CertificateFacts): CertificateFactsShown {
  const { subject, issuer, serial, keyType, keyBits, fingerprint } = facts
  return {
    subject,
    issuer,
    serial,
    notBefore: new Date(facts.notBefore).toISOString(),
    notAfter: new Date(facts.notAfter).toISOString(),
    names: [...facts.dnsNames, ...facts.ipAddresses],
    keyType,
    keyBits,
    fingerprint,
  }
}
