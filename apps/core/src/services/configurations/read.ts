/**
 * Configurations as administrators read them: with what is wrong or odd about them now.
 * @module
 */
import { type Expression, sql } from 'kysely'
import type { Configuration, ConfigurationKind, ConfigurationSummary } from '@postern/contract/api/configurations'
import { exchangeAddresses } from '@postern/contract/configurations/exchange'
import type { Problem } from '@postern/contract/problems'
import type { Db } from '../../database/connect.ts'
import { type Page, pageOf } from '../../database/paging.ts'
import { notFound } from '../../failure.ts'
import { chosenSentry } from './chosen-sentry.ts'
import { PLATFORMS, problemsBeside, type Settings, storedSettings, warningsBeside } from './kinds.ts'

/** What a list is narrowed to; all of them together. */
export interface ConfigurationFilter {
  readonly kind?: ConfigurationKind | undefined
  readonly label?: string | undefined
  /** Part of name or description, without regard to case. */
  readonly search?: string | undefined
  readonly limit?: number | undefined
  readonly cursor?: string | undefined
}

/** By name. */
export async function listConfigurations(db: Db, filter: ConfigurationFilter): Promise<Page<ConfigurationSummary>> {
  const { kind, label, search } = filter
  const labels = sql<{ id: string; name: string }[]>`(
    select coalesce(json_agg(json_build_object('id', l.id, 'name', l.name) order by l.name_key), '[]')
    from configuration_labels cl join labels l on l.id = cl.label_id where cl.configuration_id = configurations.id)`
  let query = db
    .selectFrom('configurations')
    .select(['id', 'version', 'created_at', 'updated_at', 'kind', 'settings', 'name', 'sentry_profile_id'])
    .select(labels.as('labels'))
  if (kind !== undefined) query = query.where('kind', '=', kind)
  if (search !== undefined) {
    const text: Expression<string> = sql`name_key || ' ' || lower(settings ->> 'description')`
    query = query.where(sql<boolean>`strpos(${text}, lower(${search})) > 0`)
  }
  if (label !== undefined) {
    const applied = db.selectFrom('configuration_labels').select('configuration_id').where('label_id', '=', label)
    query = query.where('id', 'in', applied)
  }
  const columns = [
    { by: 'configurations.name_key', type: 'text' },
    { by: 'configurations.id', type: 'uuid' },
  ] as const
  const page = await pageOf(query, { limit: filter.limit, cursor: filter.cursor, sort: 'name', columns })
  return { next: page.next, items: page.items.map((row) => ({ ...heading(row), ...summary(row) })) }
}

interface ConfigurationRow {
  readonly id: string
  readonly version: number
  readonly created_at: Date
  readonly updated_at: Date
  readonly kind: ConfigurationKind
  readonly settings: Settings['settings']
  readonly name: string
  readonly sentry_profile_id: string | null
}

function heading(row: ConfigurationRow) {
  return {
    id: row.id,
    version: row.version,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
    name: row.name,
  }
}

function summary(row: ConfigurationRow & { readonly labels: { id: string; name: string }[] }) {
  const { kind, settings, labels, sentry_profile_id: sentryProfileId } = row
  return { kind, description: settings.description, sentryProfileId, labels }
}

/** Its row. @throws CoreError NOT_FOUND */
export async function configurationRow(db: Db, id: string): Promise<ConfigurationRow> {
  const row = await db.selectFrom('configurations').selectAll().where('id', '=', id).executeTakeFirst()
  return row ?? refuse(id)
}

function refuse(id: string): never {
  throw notFound('configuration', id)
}

/**
 * One of them, whole. `more`: warnings about how it came to be what it is, such as a forced synchronisation.
 * @throws CoreError NOT_FOUND
 */
export async function readConfiguration(db: Db, id: string, more: readonly Problem[] = []): Promise<Configuration> {
  const row = await configurationRow(db, id)
  const stored = storedSettings(row)
  const sentry = await chosenSentry(db, row.sentry_profile_id)
  const labels = await db
    .selectFrom('configuration_labels')
    .innerJoin('labels', 'labels.id', 'configuration_labels.label_id')
    .select(['labels.id', 'labels.name'])
    .where('configuration_id', '=', id)
    .orderBy('labels.name_key')
    .execute()
  const shared = {
    ...heading(row),
    labels,
    problems: [...problemsBeside(stored, sentry)],
    warnings: [...more, ...warningsBeside(stored, sentry)],
    affectedDevices: await affectedDevices(db, id, row.kind),
  }
  if (stored.kind === 'emailPlus') return { ...shared, ...stored }
  const { settings } = stored
  return { ...shared, kind: stored.kind, settings, addresses: exchangeAddresses(settings, sentry) }
}

/** Devices in use that have a label of the configuration and take its kind. */
export async function affectedDevices(db: Db, id: string, kind: ConfigurationKind): Promise<number> {
  const { devices } = await db
    .selectFrom('devices')
    .select(({ fn }) => fn.countAll<number>().as('devices'))
    .where('state', 'not in', ['retired', 'wiped'])
    .where('platform', 'in', PLATFORMS[kind])
    .where((eb) =>
      eb.exists(
        eb
          .selectFrom('label_members')
          .innerJoin('configuration_labels', 'configuration_labels.label_id', 'label_members.label_id')
          .whereRef('label_members.device_id', '=', 'devices.id')
          .where('configuration_id', '=', id)
          .select('label_members.device_id'),
      ),
    )
    .executeTakeFirstOrThrow()
  return devices
}
