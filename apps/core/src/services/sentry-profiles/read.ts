/**
 * Standalone Sentries and their versions as administrators see them.
 * @module
 */
import type { Selectable } from 'kysely'
import type { SentryProfile } from '@postern/contract/api/sentry-profiles'
import { compareSettings, type SettingsDifference } from '@postern/contract/standalone-sentry-compare'
import { CHOICE_TITLES, settingsWarnings, type StandaloneSentry } from '@postern/contract/standalone-sentry'
import type { Db } from '../../database/connect.ts'
import { pageOf } from '../../database/paging.ts'
import type { Tables } from '../../database/tables.ts'
import { notFound } from '../../failure.ts'
import { daysLeft } from '../certificates/read-certificates.ts'
import { toShown } from './check.ts'
import { referencedRows, referenceWarnings } from './references.ts'

type ProfileRow = Selectable<Tables['sentry_profiles']>
type ShownCertificate = SentryProfile['certificate']
type Summary = Omit<SentryProfile, 'settings' | 'warnings' | 'deviceSettings'>

interface PageQuery {
  readonly limit?: number | undefined
  readonly cursor?: string | undefined
}

/** A row of the list. */
export type ProfileSummary = Summary & { readonly deviceAuthentication: string; readonly servers: string[] }

/** A page by name. */
export async function listProfiles(
  db: Db,
  query: PageQuery,
  now: Date,
): Promise<{ items: ProfileSummary[]; next: string | null }> {
  const columns = [
    { by: 'name', type: 'text' },
    { by: 'id', type: 'uuid' },
  ] as const
  const page = await pageOf(db.selectFrom('sentry_profiles').selectAll(), { ...query, sort: 'name', columns })
  const certificates = await certificatesOf(db, page.items, now)
  const items = page.items.map((row) => ({
    ...toSummary(row, certificates.get(row.id) ?? null),
    deviceAuthentication: CHOICE_TITLES[row.settings.deviceAuthentication.method],
    servers: row.settings.activeSync.servers,
  }))
  return { items, next: page.next }
}

/** One whole, with what deserves a look today. @throws CoreError NOT_FOUND */
export async function readProfile(db: Db, id: string, now: Date): Promise<SentryProfile> {
  const row = await db.selectFrom('sentry_profiles').selectAll().where('id', '=', id).executeTakeFirst()
  if (row === undefined) throw notFound('Standalone Sentry', id)
  const { certificates, roots } = await referencedRows(db, row.settings)
  const shown = await certificatesOf(db, [row], now)
  return {
    ...toSummary(row, shown.get(id) ?? null),
    settings: row.settings,
    warnings: [...settingsWarnings(row.settings), ...referenceWarnings(row.settings, certificates, roots, now)].map(
      (warning) => ({ ...warning }),
    ),
    deviceSettings: toShown(row.settings),
  }
}

/** A version without its settings. */
export interface VersionSummary {
  readonly version: number
  readonly at: string
  readonly author: string
  readonly note: string | null
  readonly restoredFrom: number | null
}

/** A page of versions, newest first. @throws CoreError NOT_FOUND */
export async function listVersions(
  db: Db,
  id: string,
  query: PageQuery,
): Promise<{ items: VersionSummary[]; next: string | null }> {
  const there = await db.selectFrom('sentry_profiles').select('id').where('id', '=', id).executeTakeFirst()
  if (there === undefined) throw notFound('Standalone Sentry', id)
  const page = await pageOf(db.selectFrom('sentry_profile_versions').selectAll().where('profile_id', '=', id), {
    ...query,
    sort: 'version',
    columns: [{ by: 'version', type: 'bigint' }],
    descending: true,
  })
  return { items: page.items.map(toVersion), next: page.next }
}

/** @throws CoreError NOT_FOUND */
export async function readVersion(
  db: Db,
  id: string,
  version: number,
): Promise<VersionSummary & { readonly settings: StandaloneSentry }> {
  const row = await db
    .selectFrom('sentry_profile_versions')
    .selectAll()
    .where('profile_id', '=', id)
    .where('version', '=', version)
    .executeTakeFirst()
  if (row === undefined) throw notFound(`version ${version} of Standalone Sentry`, id)
  return { ...toVersion(row), settings: row.settings }
}

/** What changes from one version to another. @throws CoreError NOT_FOUND */
export async function compareVersions(db: Db, id: string, from: number, to: number): Promise<SettingsDifference[]> {
  const before = await readVersion(db, id, from)
  const after = await readVersion(db, id, to)
  return compareSettings(before.settings, after.settings)
}

function toVersion(row: Selectable<Tables['sentry_profile_versions']>): VersionSummary {
  const { version, author_name: author, note, restored_from: restoredFrom } = row
  return { version, at: row.at.toISOString(), author, note, restoredFrom }
}

function toSummary(row: ProfileRow, certificate: ShownCertificate): Summary {
  return {
    id: row.id,
    version: row.version,
    name: row.name,
    sentryHost: row.settings.sentryHost,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
    certificate,
  }
}

/** The certificate that each profile shows now: the one it names, or the one that Core issued for it. */
async function certificatesOf(
  db: Db,
  rows: readonly ProfileRow[],
  now: Date,
): Promise<Map<string, NonNullable<ShownCertificate>>> {
  if (rows.length === 0) return new Map()
  const ids = rows.map(({ id }) => id)
  const named = rows.flatMap(({ settings }) => settings.tls.certificateId ?? [])
  const certificates = await db
    .selectFrom('certificates')
    .select(['id', 'name', 'source', 'issued_for', 'not_after'])
    .where((eb) => eb.or([eb('issued_for', 'in', ids), ...(named.length === 0 ? [] : [eb('id', 'in', named)])]))
    .execute()
  const shown = new Map<string, NonNullable<ShownCertificate>>()
  for (const { id, settings } of rows) {
    const chosen = settings.tls.certificateId
    const row = certificates.find((one) => (chosen === null ? one.issued_for === id : one.id === chosen))
    if (row?.not_after == null) continue
    shown.set(id, {
      id: row.id,
      name: row.name,
      issuedByCore: row.source === 'issued',
      notAfter: row.not_after.toISOString(),
      daysLeft: daysLeft(row.not_after, now),
    })
  }
  return shown
}
