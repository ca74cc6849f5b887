/**
 * Checks of a Standalone Sentry before it is saved, and without saving it.
 * @module
 */
import { compareSettings } from '@postern/contract/standalone-sentry-compare'
import type { ProfileWarning, SentryProfileCheck } from '@postern/contract/api/sentry-profiles'
import { ContractError, type Problem } from '@postern/contract/problems'
import {
  deviceSettings,
  parseStandaloneSentry,
  settingsWarnings,
  type StandaloneSentry,
  titleOf,
} from '@postern/contract/standalone-sentry'
import type { Db } from '../../database/connect.ts'
import { CoreError, notFound } from '../../failure.ts'
import type { Vault } from '../../secrets/vault.ts'
import { profileChangeWarnings } from '../configurations/chosen-sentry.ts'
import { checkReferences, referencesOf } from './references.ts'

/** What a check finds. `settings` null when the form itself has problems. Paths are those of the settings. */
interface Examined {
  readonly settings: StandaloneSentry | null
  readonly problems: readonly Problem[]
  readonly warnings: readonly ProfileWarning[]
}

/** Every problem and warning together. `profileId` null: a new one. */
async function examine(
  db: Db,
  vault: Vault,
  { input, profileId, now }: { input: unknown; profileId: string | null; now: Date },
): Promise<Examined> {
  const { settings, problems: formProblems } = parsed(input)
  const references = referencesOf(settings ?? input)
  const { problems, warnings } = await checkReferences(db, vault, { references, settings, now })
  const all = [...formProblems, ...problems]
  if (settings === null) return { settings, problems: all, warnings: [] }
  if (await isTaken(db, settings.name, profileId)) {
    all.push({ path: 'name', message: `${titleOf('name')}: another Standalone Sentry has it; choose another name` })
  }
  const following = profileId === null ? [] : await profileChangeWarnings(db, profileId, settings)
  const told = following.map(({ path, message }) => ({ code: 'CONFIGURATION_FOLLOWS', path, message }))
  return { settings, problems: all, warnings: [...settingsWarnings(settings), ...warnings, ...told] }
}

/** Settings that may be saved. @throws CoreError INVALID with every problem, paths under `settings` */
export async function examinedSettings(
  db: Db,
  vault: Vault,
  what: { input: unknown; profileId: string | null; now: Date },
): Promise<StandaloneSentry> {
  const { settings, problems } = await examine(db, vault, what)
  if (settings !== null && problems.length === 0) return settings
  throw new CoreError('INVALID', 'the Standalone Sentry has problems', { problems: problems.map(underSettings) })
}

/** The answer to a check. @throws CoreError NOT_FOUND for a profile that is not there */
export async function checkProfile(
  db: Db,
  vault: Vault,
  { input, profileId, now }: { input: unknown; profileId: string | null; now: Date },
): Promise<SentryProfileCheck> {
  const present = profileId === null ? null : await presentSettings(db, profileId)
  const { settings, problems, warnings } = await examine(db, vault, { input, profileId, now })
  const sound = problems.length === 0 ? settings : null
  return {
    settings: sound,
    problems: problems.map(underSettings),
    warnings: [...warnings],
    deviceSettings: sound === null ? null : toShown(sound),
    differences: sound === null || present === null ? [] : compareSettings(present, sound),
  }
}

/** What devices are told, as a reply. */
export function toShown(settings: StandaloneSentry): NonNullable<SentryProfileCheck['deviceSettings']> {
  const { emailPlus, ...urls } = deviceSettings(settings)
  return { ...urls, emailPlus: emailPlus.map((row) => ({ ...row })) }
}

async function presentSettings(db: Db, id: string): Promise<StandaloneSentry> {
  const row = await db.selectFrom('sentry_profiles').select('settings').where('id', '=', id).executeTakeFirst()
  if (row === undefined) throw notFound('Standalone Sentry', id)
  return row.settings
}

function parsed(input: unknown): { settings: StandaloneSentry | null; problems: readonly Problem[] } {
  try {
    return { settings: parseStandaloneSentry(input), problems: [] }
  } catch (error) {
    if (!(error instanceof ContractError)) throw error
    return { settings: null, problems: error.problems }
  }
}

async function isTaken(db: Db, name: string, profileId: string | null): Promise<boolean> {
  let others = db.selectFrom('sentry_profiles').select('id').where('name', '=', name)
  if (profileId !== null) others = others.where('id', '!=', profileId)
  return (await others.executeTakeFirst()) !== undefined
}

function underSettings({ path, message }: Problem): Problem {
  return { path: path === '' ? 'settings' : `settings.${path}`, message }
}
