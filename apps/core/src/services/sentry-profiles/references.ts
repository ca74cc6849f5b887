/**
 * What the settings of a Standalone Sentry refer to: certificates and trusted roots, which must be there and fit.
 * @module
 */
import type { Selectable } from 'kysely'
import type { Problem } from '@postern/contract/problems'
import { type StandaloneSentry, titleOf, type Warning } from '@postern/contract/standalone-sentry'
import type { Db } from '../../database/connect.ts'
import type { Tables } from '../../database/tables.ts'
import type { Vault } from '../../secrets/vault.ts'
import { findingsOf } from '../certificates/certificate-files.ts'
import { namesOf, RENEW_BEFORE_DAYS } from '../certificates/device-authority.ts'
import { daysLeft } from '../certificates/read-certificates.ts'

/** A row of the table. */
export type CertificateRow = Selectable<Tables['certificates']>
/** A row of the table. */
export type RootRow = Selectable<Tables['trusted_roots']>

/** Ids by the field that names them. */
export interface References {
  readonly certificates: readonly Reference[]
  readonly roots: readonly (Reference & { readonly purpose: 'device' | 'upstream' })[]
}

interface Reference {
  readonly path: string
  readonly id: string
}

/** Everything that settings name. Settings may be unchecked: what has not the form of an id is passed over. */
export function referencesOf(settings: unknown): References {
  const certificate = (path: string): Reference[] => idAt(settings, path)
  const root = (path: string, purpose: 'device' | 'upstream') => idAt(settings, path).map((at) => ({ ...at, purpose }))
  const trusted = valueAt(settings, 'deviceAuthentication.trustedRootIds')
  const count = Array.isArray(trusted) ? trusted.length : 0
  return {
    certificates: [...certificate('tls.certificateId'), ...certificate('tls.reserveCertificateId')],
    roots: [
      ...Array.from({ length: count }, (_, i) => root(`deviceAuthentication.trustedRootIds.${i}`, 'device')).flat(),
      ...root('activeSync.serverRootId', 'upstream'),
      ...root('serverAuthentication.identityProviderRootId', 'upstream'),
    ],
  }
}

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

function idAt(settings: unknown, path: string): Reference[] {
  const id = valueAt(settings, path)
  return typeof id === 'string' && ID.test(id) ? [{ path: path.replace(/\.(\d+)$/, '[$1]'), id }] : []
}

function valueAt(value: unknown, path: string): unknown {
  let at = value
  for (const part of path.split('.')) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, part)) return undefined
    at = (at as Record<string, unknown>)[part] // just seen to be there
  }
  return at
}

/** Problems and warnings of what is named, as of now. `settings` null: they are not sound, so names cannot be compared. */
export async function checkReferences(
  db: Db,
  vault: Vault,
  { references, settings, now }: { references: References; settings: StandaloneSentry | null; now: Date },
): Promise<{ problems: Problem[]; warnings: Warning[] }> {
  const problems: Problem[] = []
  const warnings: Warning[] = []
  const certificates = await rowsOf(db, 'certificates', references.certificates)
  for (const { path, id } of references.certificates) {
    const row = certificates.get(id)
    const names = settings === null ? [] : namesOf(settings)
    const found = row === undefined ? [missing] : await certificateFaults(db, vault, row, names, now)
    problems.push(...found.map((message) => ({ path, message: `${titleOf(path)}: ${message}` })))
  }
  const roots = await rowsOf(db, 'trusted_roots', references.roots)
  const checkCrl = settings?.deviceAuthentication.checkCrl === true
  for (const { path, id, purpose } of references.roots) {
    const found = rootFaults(roots.get(id), purpose, checkCrl, now)
    problems.push(...found.map((message) => ({ path, message: `${titleOf(path)}: ${message}` })))
  }
  if (settings !== null) warnings.push(...referenceWarnings(settings, certificates, roots, now))
  return { problems, warnings }
}

const missing = 'is no longer there; choose another'

async function rowsOf<T extends 'certificates' | 'trusted_roots'>(
  db: Db,
  table: T,
  references: readonly Reference[],
): Promise<Map<string, T extends 'certificates' ? CertificateRow : RootRow>> {
  if (references.length === 0) return new Map()
  const ids = references.map(({ id }) => id)
  const rows: (CertificateRow | RootRow)[] =
    table === 'certificates'
      ? await db.selectFrom('certificates').selectAll().where('id', 'in', ids).execute()
      : await db.selectFrom('trusted_roots').selectAll().where('id', 'in', ids).execute()
  return new Map(rows.map((row) => [row.id, row as T extends 'certificates' ? CertificateRow : RootRow])) // of `table`
}

async function certificateFaults(
  db: Db,
  vault: Vault,
  row: CertificateRow,
  names: readonly string[],
  now: Date,
): Promise<string[]> {
  if (row.source === 'issued')
    return ['is one that Core issued for a Standalone Sentry; leave the field empty for that']
  if (row.chain_pem === null) return ['waits for its request to be signed; complete it first']
  const privateKeyPem = await vault.read(db, 'tls-key', row.key_id)
  return findingsOf({ chainPem: row.chain_pem, privateKeyPem }, names, now)
    .filter(({ severity }) => severity === 'error')
    .map(({ code, message }) => `${code}: ${message}`)
}

function rootFaults(row: RootRow | undefined, purpose: 'device' | 'upstream', checkCrl: boolean, now: Date): string[] {
  if (row === undefined) return [missing]
  const quoted = JSON.stringify(row.name)
  if (row.purpose !== purpose) {
    const wanted = purpose === 'device' ? 'device certificates' : 'servers'
    return [`${quoted} is not trusted for ${wanted}; add the file again for that purpose`]
  }
  if (row.not_after < now) return [`${quoted} has ended; choose the authority's present certificate`]
  if (purpose === 'device' && checkCrl && row.crl_pem === null) {
    return [`${quoted} has no revocation list, but Check CRL is on; upload its list, or switch it off`]
  }
  return []
}

/** What holds today and deserves a look. */
export function referenceWarnings(
  settings: StandaloneSentry,
  certificates: ReadonlyMap<string, CertificateRow>,
  roots: ReadonlyMap<string, RootRow>,
  now: Date,
): Warning[] {
  const { certificates: named, roots: trusted } = referencesOf(settings)
  const warnings: Warning[] = []
  const warn = (code: Warning['code'], path: string, message: string): void => {
    warnings.push({ code, path, message: `${titleOf(path)}: ${message}` })
  }
  if (settings.tls.certificateId === null) {
    warn(
      'CERTIFICATE_PRIVATE',
      'tls.certificateId',
      'Core issues it from its own authority; phones must be given that root',
    )
  }
  for (const { path, id } of named) {
    const row = certificates.get(id)
    for (const { code, message } of row?.findings ?? []) {
      if (code !== 'EXPIRES_SOON') warn('CERTIFICATE_FINDING', path, `${code}: ${message}`)
    }
    const end = row?.not_after ?? null
    if (end !== null && daysLeft(end, now) < RENEW_BEFORE_DAYS) {
      warn('CERTIFICATE_FINDING', path, `EXPIRES_SOON: it ends on ${end.toISOString().slice(0, 10)}; have it renewed`)
    }
  }
  for (const { path, id } of trusted) {
    const row = roots.get(id)
    if (row === undefined) continue
    const quoted = JSON.stringify(row.name)
    if (daysLeft(row.not_after, now) < RENEW_BEFORE_DAYS) {
      warn('ROOT_EXPIRES', path, `${quoted} ends on ${row.not_after.toISOString().slice(0, 10)}; add its successor`)
    }
    const due = settings.deviceAuthentication.checkCrl ? row.crl_next_update : null
    if (due !== null && due < now) {
      warn('CRL_OVERDUE', path, `the revocation list of ${quoted} was due on ${due.toISOString()}; upload the newest`)
    }
  }
  return warnings
}

/** The rows that settings name, by id. */
export async function referencedRows(
  db: Db,
  settings: StandaloneSentry,
): Promise<{ certificates: Map<string, CertificateRow>; roots: Map<string, RootRow> }> {
  const { certificates, roots } = referencesOf(settings)
  return {
    certificates: await rowsOf(db, 'certificates', certificates),
    roots: await rowsOf(db, 'trusted_roots', roots),
  }
}
