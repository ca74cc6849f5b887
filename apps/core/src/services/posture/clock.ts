/**
 * What changes by itself as time goes by: decisions by hand expire, certificates begin and end.
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { SYSTEM } from '../../audit/chain.ts'
import type { Services } from '../services.ts'
import { lockPosture } from './entries.ts'
import { refreshPosture } from './posture.ts'

/** How often it is looked. Milliseconds. */
const TICK_MS = 1_000
/** Devices in one transaction. */
const BATCH = 500

/** Decides anew about every device whose time has come. Returns how many there were. */
export async function tickPostureClock({ store, now }: Pick<Services, 'store' | 'now'>): Promise<number> {
  const due = (db: Services['store']['db'], at: Date) =>
    db
      .selectFrom('device_posture')
      .select('device_id')
      .where('next_change', '<=', at)
      .orderBy('next_change')
      .limit(BATCH)
  let count = 0
  for (;;) {
    const some = await due(store.db, new Date(now())).limit(1).executeTakeFirst()
    if (some === undefined) return count
    count += await store.change(SYSTEM, async (change) => {
      await lockPosture(change) // another Core may be at the same rows: the second finds them done
      const ids = (await due(change.tx, change.now).execute()).map(({ device_id }) => device_id)
      await refreshPosture(change, ids)
      return ids.length
    })
  }
}

/** Looks every second until disposed. Any number of Cores may. */
export function startPostureClock(services: Services): AsyncDisposable {
  const stop = new AbortController()
  const run = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      try {
        await tickPostureClock(services)
      } catch (error) {
        services.log('problem', 'posture-clock-failed', { name: error instanceof Error ? error.name : 'unknown' })
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
