/**
 * Rotation of the wrapping key: a new file, then every secret's own key is wrapped with it. What the secrets are encrypted
 * with does not change, and old files stay: backups that were taken before need them.
 * @module
 */
import { sql } from 'kysely'
import type { KeyRotation, KeyState } from '@postern/contract/api/system'
import type { Actor } from '../../audit/chain.ts'
import { SINGLETON_LOCKS } from '../../database/singleton.ts'
import { CoreError } from '../../failure.ts'
import type { Services } from '../services.ts'

/** Secrets that are locked at once. */
const BATCH = 200

/** @throws CoreError CONFLICT while another rotation runs, on whichever Core */
export async function rotateKeys(
  { store, vault, keys }: Pick<Services, 'store' | 'vault' | 'keys'>,
  actor: Actor,
): Promise<KeyRotation> {
  return store.db.connection().execute(async (connection) => {
    const lock = sql.lit(SINGLETON_LOCKS.keys)
    const { rows } = await sql<{ held: boolean }>`select pg_try_advisory_lock(${lock}) as held`.execute(connection)
    if (rows[0]?.held !== true)
      throw new CoreError('CONFLICT', 'keys are being rotated already; wait until that is done')
    try {
      const { id: from } = await keys.current()
      const to = await keys.addKey()
      let rewrapped = 0
      for (let batch = BATCH; batch === BATCH; rewrapped += batch) {
        batch = await store.change(actor, ({ tx }) => vault.rewrap(tx, BATCH))
      }
      await store.change(actor, async ({ audit }) =>
        audit({ action: 'key.rotate', object: { kind: 'key', id: to }, before: { from }, after: { to, rewrapped } }),
      )
      return { from, to, rewrapped }
    } finally {
      await sql`select pg_advisory_unlock(${lock})`.execute(connection)
    }
  })
}

/** Which key is current, and how many secrets are still under earlier ones. */
export async function keyState({ store, keys }: Pick<Services, 'store' | 'keys'>): Promise<KeyState> {
  const { id } = await keys.current()
  const { current, total } = await store.db
    .selectFrom('secrets')
    .select((e) => [
      e.fn.countAll<number>().as('total'),
      e.fn.countAll<number>().filterWhere('key_id', '=', id).as('current'),
    ])
    .executeTakeFirstOrThrow()
  return { current: id, secrets: { current, older: total - current } }
}
