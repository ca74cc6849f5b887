/**
 * A draft judged before it is saved: nothing is refused, everything is told.
 * @module
 */
import type { ConfigurationCheck, ConfigurationKind } from '@postern/contract/api/configurations'
import { ContractError, type Problem } from '@postern/contract/problems'
import type { Db } from '../../database/connect.ts'
import { notFound } from '../../failure.ts'
import { chosenSentry } from './chosen-sentry.ts'
import {
  parseSettings,
  problemsBeside,
  resyncKeys,
  resyncWarnings,
  type Settings,
  storedSettings,
  warningsBeside,
} from './kinds.ts'
import { affectedDevices, configurationRow } from './read.ts'

/** `id`: the configuration that the draft would replace; null for a new one. @throws CoreError NOT_FOUND */
export async function checkConfiguration(
  db: Db,
  draft: { readonly kind: ConfigurationKind; readonly id: string | null; readonly settings: unknown },
): Promise<ConfigurationCheck> {
  const before = draft.id === null ? null : storedSettings(await configurationRow(db, draft.id))
  if (draft.id !== null && before?.kind !== draft.kind) throw notFound(`${draft.kind} configuration`, draft.id)
  const devices = draft.id === null ? 0 : await affectedDevices(db, draft.id, draft.kind)
  const parsed = parsedOrProblems(draft.kind, draft.settings)
  if ('problems' in parsed) {
    return { problems: [...parsed.problems], warnings: [], affectedDevices: devices, resyncKeys: [] }
  }
  const sentry = await chosenSentry(db, parsed.settings.sentryProfileId)
  const taken = await db
    .selectFrom('configurations')
    .select('id')
    .where('kind', '=', draft.kind)
    .where('name_key', '=', parsed.settings.name.toLowerCase())
    .executeTakeFirst()
  const problems = [...problemsBeside(parsed, sentry)]
  if (taken !== undefined && taken.id !== draft.id) {
    problems.push({ path: 'name', message: 'is the name of another configuration of this kind; choose another' })
  }
  const resync = before === null ? [] : resyncWarnings(before, parsed, devices)
  return {
    problems,
    warnings: [...resync, ...warningsBeside(parsed, sentry)],
    affectedDevices: devices,
    resyncKeys: before === null ? [] : [...resyncKeys(before, parsed)],
  }
}

function parsedOrProblems(kind: ConfigurationKind, input: unknown): Settings | { problems: readonly Problem[] } {
  try {
    return parseSettings(kind, input)
  } catch (error) {
    if (error instanceof ContractError) return { problems: error.problems }
    throw error
  }
}
