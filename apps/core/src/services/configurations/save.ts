/**
 * Saving configurations: every save is checked whole, beside the Sentry as it is now, and makes a version.
 * @module
 */
import type { Configuration, ConfigurationKind } from '@postern/contract/api/configurations'
import type { Problem } from '@postern/contract/problems'
import type { Change } from '../../database/store.ts'
import { lockVersion, nextVersion } from '../../database/versioned.ts'
import { CoreError, invalid } from '../../failure.ts'
import { chosenSentry } from './chosen-sentry.ts'
import {
  allowsInsecureDelivery,
  parseSettings,
  problemsBeside,
  resyncWarnings,
  type Settings,
  storedSettings,
} from './kinds.ts'
import { affectedDevices, configurationRow, readConfiguration } from './read.ts'
import { versionRow } from './versions.ts'

/** @throws ContractError, CoreError INVALID, CONFLICT */
export async function createConfiguration(
  change: Change,
  kind: ConfigurationKind,
  input: unknown,
): Promise<Configuration> {
  const stored = await checked(change, parseSettings(kind, input))
  await nameIsFree(change, stored, null)
  const { id } = await change.tx
    .insertInto('configurations')
    .values({
      kind,
      settings: JSON.stringify(stored.settings),
      created_at: change.now,
      updated_at: change.now,
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  await addVersion(change, id, 1, stored, null)
  writeDown(change, 'configuration.create', id, null, stored)
  return readConfiguration(change.tx, id)
}

/**
 * Replaces the settings. `version`: the one that was read.
 * @throws ContractError, CoreError NOT_FOUND (also for another kind), CHANGED, INVALID, CONFLICT
 */
export async function updateConfiguration(
  change: Change,
  edit: {
    readonly id: string
    readonly kind: ConfigurationKind
    readonly version: number | null
    readonly input: unknown
  },
): Promise<Configuration> {
  await lockVersion(change, 'configurations', 'configuration', edit.id, edit.version)
  return replace(change, edit.id, parseSettings(edit.kind, edit.input), null)
}

/**
 * Saves what a version held as a new version. What was right then is checked as if it were new.
 * @throws ContractError, CoreError NOT_FOUND, CHANGED, INVALID, CONFLICT
 */
export async function restoreConfiguration(
  change: Change,
  edit: { readonly id: string; readonly restored: number; readonly version: number | null },
): Promise<Configuration> {
  await lockVersion(change, 'configurations', 'configuration', edit.id, edit.version)
  const earlier = await versionRow(change.tx, edit.id, edit.restored)
  return replace(change, edit.id, parseSettings(earlier.kind, earlier.settings), edit.restored)
}

/** @throws CoreError NOT_FOUND, CHANGED, IN_USE while it is applied to a label */
export async function removeConfiguration(change: Change, id: string, version: number | null): Promise<void> {
  await lockVersion(change, 'configurations', 'configuration', id, version)
  const applied = await change.tx
    .selectFrom('configuration_labels')
    .innerJoin('labels', 'labels.id', 'configuration_labels.label_id')
    .select('labels.name')
    .where('configuration_id', '=', id)
    .limit(1)
    .executeTakeFirst()
  if (applied !== undefined) {
    const message = `the configuration is applied to the label ${JSON.stringify(applied.name)}; withdraw it there first`
    throw new CoreError('IN_USE', message)
  }
  const stored = storedSettings(await configurationRow(change.tx, id))
  await change.tx.deleteFrom('configurations').where('id', '=', id).execute()
  writeDown(change, 'configuration.remove', id, stored, null)
}

async function replace(
  change: Change,
  id: string,
  parsed: Settings,
  restoredFrom: number | null,
): Promise<Configuration> {
  const row = await configurationRow(change.tx, id)
  const before = storedSettings(row)
  if (before.kind !== parsed.kind) {
    throw new CoreError('NOT_FOUND', `${id} is no configuration of this kind; it is of kind ${before.kind}`)
  }
  const stored = await checked(change, parsed)
  await nameIsFree(change, stored, id)
  await change.tx
    .updateTable('configurations')
    .set({ settings: JSON.stringify(stored.settings), ...nextVersion(change) })
    .where('id', '=', id)
    .execute()
  await addVersion(change, id, row.version + 1, stored, restoredFrom)
  writeDown(change, restoredFrom === null ? 'configuration.update' : 'configuration.restore', id, before, stored)
  const resync = resyncWarnings(before, stored, await affectedDevices(change.tx, id, row.kind))
  return readConfiguration(change.tx, id, resync)
}

/** Beside the Sentry that it names: what could not sign in through it is not saved. */
async function checked(change: Change, stored: Settings): Promise<Settings> {
  const sentry = await chosenSentry(change.tx, stored.settings.sentryProfileId)
  const problems: readonly Problem[] = problemsBeside(stored, sentry)
  if (problems.length === 0) return stored
  const told = problems.map(({ path, message }) => `${path}: ${message}`)
  throw new CoreError('INVALID', told.join('; '), { problems })
}

async function nameIsFree(change: Change, { kind, settings }: Settings, own: string | null): Promise<void> {
  const other = await change.tx
    .selectFrom('configurations')
    .select('id')
    .where('kind', '=', kind)
    .where('name_key', '=', settings.name.toLowerCase())
    .executeTakeFirst()
  if (other === undefined || other.id === own) return
  const { problems, message } = invalid('name', 'is the name of another configuration of this kind; choose another')
  throw new CoreError('CONFLICT', message, { problems })
}

async function addVersion(
  change: Change,
  id: string,
  version: number,
  { settings }: Settings,
  restoredFrom: number | null,
): Promise<void> {
  await change.tx
    .insertInto('configuration_versions')
    .values({
      configuration_id: id,
      version,
      settings: JSON.stringify(settings),
      at: change.now,
      by_name: change.actor.name,
      restored_from: restoredFrom,
    })
    .execute()
}

/** A save that lets certificates lie readable on devices has a line of its own, each time. */
function writeDown(change: Change, action: string, id: string, before: Settings | null, after: Settings | null): void {
  const object = { kind: 'configuration', id, name: (after ?? before)?.settings.name ?? null }
  change.audit({ action, object, before, after })
  if (after !== null && allowsInsecureDelivery(after)) {
    change.audit({ action: 'configuration.allow-insecure-delivery', object, after: { allowInsecureDelivery: true } })
  }
}
