/**
 * Decisions by hand about associations: allow, block, take back; and their end when they expire.
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import { SYSTEM } from '../../audit/chain.ts'
import type { Change } from '../../database/store.ts'
import { CoreError, invalid } from '../../failure.ts'
import { canStandAlone } from '../posture/association-posture.ts'
import type { Services } from '../services.ts'
import { type AssociationRow, lockAssociation, writeDown } from './lock.ts'
import { postureFollows } from './posture-effect.ts'

/** How often it is looked for decisions that have expired. Milliseconds. */
const TICK_MS = 1_000
/** Associations in one transaction. */
const BATCH = 200
/** Unlinked associations without a decision by hand that are kept of all users together; the longest unseen go. */
const UNLINKED_IN_ALL = 100_000

/** Those that go in one transaction. */
const DROPPED_AT_ONCE = 10_000

/** A decision. `expiresAt` null: until it is taken back. */
export interface HandDecision {
  readonly kind: 'allow' | 'block'
  readonly note: string
  readonly expiresAt: Date | null
}

/**
 * Takes the place of an earlier decision by hand.
 * @throws CoreError NOT_FOUND, INVALID for an end that is past, CONFLICT when no Sentry could be told of it, or it would
 * hit somebody's device instead
 */
export async function decideAssociation(change: Change, id: string, decision: HandDecision): Promise<void> {
  const { kind, note, expiresAt } = decision
  if (expiresAt !== null && expiresAt <= change.now) {
    throw invalid('expiresAt', 'lies in the past; give a later time, or null for no end')
  }
  const row = await lockAssociation(change, id)
  if (row.device_id === null) await requireOwnId(change, row)
  await change.tx
    .updateTable('associations')
    .set({
      override_kind: kind,
      override_note: note,
      override_by: change.actor.name,
      override_at: change.now,
      override_expires_at: expiresAt,
    })
    .where('id', '=', id)
    .execute()
  await postureFollows(change, id)
  const before = row.override_kind === null ? null : { kind: row.override_kind, expiresAt: row.override_expires_at }
  writeDown(change, `association.${kind}`, row, { before, after: { kind, expiresAt }, note })
}

// An entry with the id of somebody's device would shut that device out: the decision would hit whoever is impersonated.
async function requireOwnId(change: Change, row: AssociationRow): Promise<void> {
  if (!canStandAlone({ user: row.user_name, easDeviceId: row.eas_device_id })) {
    const why = row.user_name === '' ? 'names no user' : 'has an ActiveSync id with other characters than A-Z, a-z, 0-9'
    throw new CoreError(
      'CONFLICT',
      `the association ${why}, so no Sentry could tell it from others; link it to a device`,
    )
  }
  const holder = await change.tx
    .selectFrom('devices')
    .select('name')
    .where('state', 'not in', ['retired', 'wiped'])
    .where((eb) =>
      eb.or([
        sql<boolean>`eas_keys @> array[${row.eas_key}]`,
        eb('id', 'in', eb.selectFrom('associations').select('device_id').where('eas_key', '=', row.eas_key)),
      ]),
    )
    .executeTakeFirst()
  if (holder === undefined) return
  const message = `the device ${JSON.stringify(holder.name)} uses the ActiveSync id ${row.eas_device_id} too`
  throw new CoreError('CONFLICT', `${message}; Sentries refuse other users under it, so block the user, or link it`)
}

/** @throws CoreError NOT_FOUND, CONFLICT when there is no decision by hand */
export async function revertAssociation(change: Change, id: string, note: string): Promise<void> {
  const row = await lockAssociation(change, id)
  if (row.override_kind === null) {
    throw new CoreError('CONFLICT', 'nobody decided about this association by hand; there is nothing to take back')
  }
  await clear(change, id)
  writeDown(change, 'association.revert', row, { before: { kind: row.override_kind }, after: null, note })
}

async function clear(change: Change, id: string): Promise<void> {
  await change.tx
    .updateTable('associations')
    .set({
      override_kind: null,
      override_note: null,
      override_by: null,
      override_at: null,
      override_expires_at: null,
    })
    .where('id', '=', id)
    .execute()
  await postureFollows(change, id)
}

/** Ends every decision whose time has come. Returns how many there were. Any number of Cores may. */
export async function expireAssociationDecisions({ store, now }: Pick<Services, 'store' | 'now'>): Promise<number> {
  const due = (db: Services['store']['db'], at: Date) =>
    db.selectFrom('associations').selectAll().where('override_expires_at', '<=', at).orderBy('override_expires_at')
  let count = 0
  for (;;) {
    const some = await due(store.db, new Date(now())).limit(1).executeTakeFirst()
    if (some === undefined) return count
    const ended = await store.change(SYSTEM, async (change) => {
      const rows = await due(change.tx, change.now).limit(BATCH).forUpdate().execute()
      for (const row of rows) {
        await clear(change, row.id)
        writeDown(change, 'association.expire', row, { before: { kind: row.override_kind }, after: null, note: null })
      }
      return rows.length
    })
    count += ended
    if (ended === 0) return count // another Core was faster
  }
}

/** Forgets the longest unseen of too many that belong to nobody: anybody who reaches a Sentry can make them. */
export async function dropUnlinked({ store }: Pick<Services, 'store'>, most = UNLINKED_IN_ALL): Promise<number> {
  return store.change(SYSTEM, async ({ tx }) => {
    const result = await sql`
      delete from associations where id in (
        select id from associations where device_id is null and override_kind is null
        order by last_seen desc offset ${most} limit ${DROPPED_AT_ONCE})`.execute(tx)
    return Number(result.numAffectedRows ?? 0n)
  })
}

/** Looks every second until disposed. */
export function startAssociationClock(services: Services): AsyncDisposable {
  const stop = new AbortController()
  const run = async (): Promise<void> => {
    for (let tick = 0; !stop.signal.aborted; tick += 1) {
      try {
        await expireAssociationDecisions(services)
        if (tick % 60 === 0) await dropUnlinked(services)
      } catch (error) {
        services.log('problem', 'association-clock-failed', { name: error instanceof Error ? error.name : 'unknown' })
      }
      await sleep(TICK_MS, undefined, { signal: stop.signal, ref: false }).catch(() => undefined) // only ever aborted
    }
  }
  const running = run()
  return {
    [Symbol.asyncDispose]: async () => {
      stop.abort()
      await running
    },
  }
}
