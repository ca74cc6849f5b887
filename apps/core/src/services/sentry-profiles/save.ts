/**
 * Standalone Sentries: every save makes a version; a version never changes, and can be made the present one again.
 * @module
 */
import { compareSettings } from '@postern/contract/standalone-sentry-compare'
import type { StandaloneSentry } from '@postern/contract/standalone-sentry'
import type { Change } from '../../database/store.ts'
import { lockVersion, nextVersion } from '../../database/versioned.ts'
import { CoreError, notFound } from '../../failure.ts'
import type { Vault } from '../../secrets/vault.ts'
import { ensureIssued, namesOf, removeIssued } from '../certificates/device-authority.ts'
import { configurationsOfProfile } from '../configurations/chosen-sentry.ts'
import { adoptFirstProfile } from '../sentries/adopt.ts'
import { examinedSettings } from './check.ts'
import { renderDocument } from './document.ts'
import { readVersion } from './read.ts'
import { referencesOf } from './references.ts'

const TABLE = 'sentry_profiles'
const KIND = 'Standalone Sentry'

/** What is saved. `input`: settings as they were sent. */
export interface SaveInput {
  readonly input: unknown
  readonly note: string | null
}

/** Adds one. Returns the id. @throws CoreError INVALID with every problem */
export async function createProfile(change: Change, vault: Vault, { input, note }: SaveInput): Promise<string> {
  const settings = await examinedSettings(change.tx, vault, { input, profileId: null, now: change.now })
  const { id } = await change.tx
    .insertInto(TABLE)
    .values({
      name: settings.name,
      settings: JSON.stringify(settings),
      created_at: change.now,
      updated_at: change.now,
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  await settle(change, vault, { id, version: 1, settings, note, restoredFrom: null })
  change.audit({
    action: 'sentry-profile.create',
    object: { kind: 'sentry-profile', id, name: settings.name },
    after: settings,
    note,
  })
  await adoptFirstProfile(change, id)
  return id
}

/** Changes one. @throws CoreError NOT_FOUND, CHANGED, INVALID with every problem */
export async function updateProfile(
  change: Change,
  vault: Vault,
  at: { readonly id: string; readonly version: number | null },
  save: SaveInput,
): Promise<void> {
  await lockVersion(change, TABLE, KIND, at.id, at.version)
  await replaceSettings(change, vault, at.id, { ...save, restoredFrom: null })
}

/** Makes an old version the present one, as a new version and through the same checks. */
export async function restoreVersion(
  change: Change,
  vault: Vault,
  at: { readonly id: string; readonly version: number | null; readonly from: number },
  note: string | null,
): Promise<void> {
  await lockVersion(change, TABLE, KIND, at.id, at.version)
  const { settings } = await readVersion(change.tx, at.id, at.from)
  await replaceSettings(change, vault, at.id, { input: settings, note, restoredFrom: at.from })
}

/** Removes one with its versions. @throws CoreError NOT_FOUND, CHANGED, IN_USE while anything refers to it */
export async function removeProfile(change: Change, vault: Vault, id: string, version: number | null): Promise<void> {
  await lockVersion(change, TABLE, KIND, id, version)
  const row = await change.tx
    .selectFrom(TABLE)
    .select(['name', 'settings'])
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  const sentries = await change.tx.selectFrom('sentries').select('name').where('profile_id', '=', id).execute()
  const configurations = await configurationsOfProfile(change.tx, id)
  const users = [
    ...sentries.map(({ name }) => `the Sentry ${JSON.stringify(name)}`),
    ...configurations.map(({ name }) => `the configuration ${JSON.stringify(name)}`),
  ]
  if (users.length > 0) {
    throw new CoreError('IN_USE', `${users.slice(0, 10).join(', ')} refers to it; choose another there first`)
  }
  await removeIssued(change, vault, id)
  await change.tx.deleteFrom(TABLE).where('id', '=', id).execute()
  const object = { kind: 'sentry-profile', id, name: row.name }
  change.audit({ action: 'sentry-profile.remove', object, before: row.settings })
  change.wake('sentries')
}

async function replaceSettings(
  change: Change,
  vault: Vault,
  id: string,
  { input, note, restoredFrom }: SaveInput & { readonly restoredFrom: number | null },
): Promise<void> {
  const before = await change.tx.selectFrom(TABLE).select('settings').where('id', '=', id).executeTakeFirst()
  if (before === undefined) throw notFound(KIND, id)
  const settings = await examinedSettings(change.tx, vault, { input, profileId: id, now: change.now })
  const { version } = await change.tx
    .updateTable(TABLE)
    .set({ name: settings.name, settings: JSON.stringify(settings), ...nextVersion(change) })
    .where('id', '=', id)
    .returning('version')
    .executeTakeFirstOrThrow()
  await settle(change, vault, { id, version, settings, note, restoredFrom })
  const differences = compareSettings(before.settings, settings)
  change.audit({
    action: restoredFrom === null ? 'sentry-profile.update' : 'sentry-profile.restore',
    object: { kind: 'sentry-profile', id, name: settings.name },
    before: Object.fromEntries(differences.map((one) => [one.path, one.before])),
    after: { version, restoredFrom, ...Object.fromEntries(differences.map((one) => [one.path, one.after])) },
    note,
  })
}

interface Saved {
  readonly id: string
  readonly version: number
  readonly settings: StandaloneSentry
  readonly note: string | null
  readonly restoredFrom: number | null
}

/** All that goes with saved settings. What cannot be rendered is not saved. */
async function settle(change: Change, vault: Vault, saved: Saved): Promise<void> {
  const { id, settings } = saved
  await addVersion(change, saved)
  await refer(change, id, settings)
  if (settings.tls.certificateId === null) {
    await ensureIssued(change, vault, { id, name: settings.name }, namesOf(settings))
  } else {
    await removeIssued(change, vault, id)
  }
  const rendered = await renderDocument(change.tx, vault, id)
  if ('problem' in rendered) {
    const problems = [{ path: 'settings', message: rendered.problem }]
    throw new CoreError('INVALID', `no Sentry could use it: ${rendered.problem}`, { problems })
  }
  change.wake('sentries')
}

async function addVersion(change: Change, { id, version, settings, note, restoredFrom }: Saved): Promise<void> {
  const { actor, now, tx } = change
  await tx
    .insertInto('sentry_profile_versions')
    .values({
      profile_id: id,
      version,
      settings: JSON.stringify(settings),
      at: now,
      author_kind: actor.kind,
      author_id: actor.id,
      author_name: actor.name,
      note,
      restored_from: restoredFrom,
    })
    .execute()
}

async function refer({ tx }: Change, profileId: string, settings: StandaloneSentry): Promise<void> {
  const { certificates, roots } = referencesOf(settings)
  await tx.deleteFrom('sentry_profile_certificates').where('profile_id', '=', profileId).execute()
  await tx.deleteFrom('sentry_profile_roots').where('profile_id', '=', profileId).execute()
  const certificateIds = [...new Set(certificates.map(({ id }) => id))]
  const rootIds = [...new Set(roots.map(({ id }) => id))]
  if (certificateIds.length > 0) {
    const rows = certificateIds.map((certificate_id) => ({ profile_id: profileId, certificate_id }))
    await tx.insertInto('sentry_profile_certificates').values(rows).execute()
  }
  if (rootIds.length > 0) {
    const rows = rootIds.map((root_id) => ({ profile_id: profileId, root_id }))
    await tx.insertInto('sentry_profile_roots').values(rows).execute()
  }
}
