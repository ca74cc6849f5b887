/**
 * The Standalone Sentry that a configuration names, as far as configurations must know it. Addresses are read each time
 * they are needed, so that configurations follow when the Sentry gets another name.
 * @module
 */
import type { ChosenSentry } from '@postern/contract/configurations/exchange'
import type { Problem } from '@postern/contract/problems'
import type { StandaloneSentry } from '@postern/contract/standalone-sentry'
import type { Db } from '../../database/connect.ts'
import { problemsBeside, storedSettings } from './kinds.ts'

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** Null: there is none with this id. */
export async function chosenSentry(db: Db, profileId: string | null): Promise<ChosenSentry | null> {
  if (profileId === null || !ID.test(profileId)) return null
  const row = await db.selectFrom('sentry_profiles').select('settings').where('id', '=', profileId).executeTakeFirst()
  return row === undefined ? null : toChosenSentry(row.settings)
}

/** Host with its port where that is not 443, and whether phones may sign in with OAuth there. */
function toChosenSentry({
  sentryHost,
  externalPort,
  serverAuthentication,
}: Pick<StandaloneSentry, 'sentryHost' | 'externalPort' | 'serverAuthentication'>): ChosenSentry {
  const host = externalPort === 443 ? sentryHost : `${sentryHost}:${externalPort}`
  return { host, oauth: serverAuthentication.passThroughWithOAuth }
}

/** A configuration that names a Standalone Sentry. */
export interface NamingConfiguration {
  readonly id: string
  readonly kind: 'exchange' | 'emailPlus'
  readonly name: string
}

/** Configurations that refer to a Standalone Sentry, by name. */
export async function configurationsOfProfile(db: Db, profileId: string): Promise<readonly NamingConfiguration[]> {
  return db
    .selectFrom('configurations')
    .select(['id', 'kind', 'name'])
    .where('sentry_profile_id', '=', profileId)
    .orderBy('name_key')
    .orderBy('id')
    .execute()
}

/**
 * What a change of a Standalone Sentry would do to the configurations that refer to it: one warning for each, that it
 * follows, or what has to be mended before devices are sent it again. Empty when nothing that they know changes.
 */
export async function profileChangeWarnings(
  db: Db,
  profileId: string,
  after: Pick<StandaloneSentry, 'sentryHost' | 'externalPort' | 'serverAuthentication'>,
): Promise<readonly Problem[]> {
  const [old, now] = [await chosenSentry(db, profileId), toChosenSentry(after)]
  if (old === null || (old.host === now.host && old.oauth === now.oauth)) return []
  const rows = await db
    .selectFrom('configurations')
    .select(['name', 'kind', 'settings'])
    .where('sentry_profile_id', '=', profileId)
    .orderBy('name_key')
    .orderBy('id')
    .execute()
  return rows.map((row) => {
    const [problem] = problemsBeside(storedSettings(row), now)
    const quoted = JSON.stringify(row.name)
    const message =
      problem === undefined
        ? `the configuration ${quoted} follows to ${now.host}; its devices are sent the new address`
        : `the configuration ${quoted} will not be sent until it is mended: ${problem.path} ${problem.message}`
    return { path: old.host === now.host ? 'serverAuthentication.passThroughWithOAuth' : 'sentryHost', message }
  })
}
