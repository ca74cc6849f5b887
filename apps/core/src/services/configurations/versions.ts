/**
 * Versions of configurations: every save, as it was.
 * @module
 */
import type {
  ConfigurationComparison,
  ConfigurationVersion,
  ConfigurationVersionSummary,
} from '@postern/contract/api/configurations'
import type { Db } from '../../database/connect.ts'
import { type Page, pageOf } from '../../database/paging.ts'
import { notFound } from '../../failure.ts'
import { storedSettings } from './kinds.ts'
import { configurationRow } from './read.ts'
import { settingsDifference } from './settings-difference.ts'

/** Newest first. @throws CoreError NOT_FOUND */
export async function listVersions(
  db: Db,
  id: string,
  page: { readonly limit?: number | undefined; readonly cursor?: string | undefined },
): Promise<Page<ConfigurationVersionSummary>> {
  await configurationRow(db, id)
  const query = db
    .selectFrom('configuration_versions')
    .select(['version', 'at', 'by_name', 'restored_from'])
    .where('configuration_id', '=', id)
  const columns = [{ by: 'configuration_versions.version', type: 'bigint' }] as const
  const rows = await pageOf(query, { ...page, sort: 'version', columns, descending: true })
  return { next: rows.next, items: rows.items.map(toSummary) }
}

/** @throws CoreError NOT_FOUND */
export async function readVersion(db: Db, id: string, version: number): Promise<ConfigurationVersion> {
  const row = await versionRow(db, id, version)
  return { ...toSummary(row), kind: row.kind, settings: row.settings }
}

/** @throws CoreError NOT_FOUND */
export async function compareVersions(db: Db, id: string, from: number, to: number): Promise<ConfigurationComparison> {
  const [old, now] = [await versionRow(db, id, from), await versionRow(db, id, to)]
  return { from, to, differences: [...settingsDifference(storedSettings(old), storedSettings(now))] }
}

/** Its row with the kind. @throws CoreError NOT_FOUND */
export async function versionRow(db: Db, id: string, version: number) {
  const row = await db
    .selectFrom('configuration_versions')
    .innerJoin('configurations', 'configurations.id', 'configuration_id')
    .select([
      'configuration_versions.version',
      'configuration_versions.settings',
      'kind',
      'at',
      'by_name',
      'restored_from',
    ])
    .where('configuration_id', '=', id)
    .where('configuration_versions.version', '=', version)
    .executeTakeFirst()
  if (row === undefined) throw notFound('version', `${version} of configuration ${id}`)
  return row
}

function toSummary(row: {
  readonly version: number
  readonly at: Date
  readonly by_name: string
  readonly restored_from: number | null
}): ConfigurationVersionSummary {
  const { version, at, by_name: author, restored_from: restoredFrom } = row
  return { version, at: at.toISOString(), author, restoredFrom }
}
