/**
 * How often somebody may try. Kept in the database, so it holds over several Cores and restarts. An attempt is counted
 * before it is judged: of many at once, no more than the limit get as far as the password.
 * @module
 */
import { createHmac } from 'node:crypto'
import { isIPv6 } from 'node:net'
import { CoreError } from '../../failure.ts'
import type { Services } from '../services.ts'

/**
 * `free`: failures before the first delay. `account` and `step-up` guard one person's password and code; `address` bounds
 * guessing over many accounts, and is wider because an office shares one address.
 */
const ATTEMPT_LIMITS = {
  account: { free: 5, code: 'LOCKED' },
  'step-up': { free: 5, code: 'LOCKED' },
  address: { free: 20, code: 'TOO_MANY' },
} as const
/** The first delay, doubled with each further failure, and the longest. Seconds. */
const DELAY_SECONDS = { first: 30, most: 900 } as const
/** Failures are forgotten when none follows for so long. Seconds. */
const FORGET_SECONDS = 3_600

/** Whose attempts are counted. `value`: a name as typed, an id or an address. */
export interface Subject {
  readonly scope: keyof typeof ATTEMPT_LIMITS
  readonly value: string
}

/** Seconds to wait after so many failures; 0 below the limit. */
export function delaySeconds(failures: number, free: number): number {
  if (failures < free) return 0
  return Math.min(DELAY_SECONDS.first * 2 ** Math.min(failures - free, 16), DELAY_SECONDS.most)
}

/**
 * Counts an attempt as failed, until `forgive` takes that back.
 * @throws CoreError LOCKED, TOO_MANY with the time to wait; whether an account exists makes no difference.
 */
export async function countAttempt(services: Services, subjects: readonly Subject[]): Promise<void> {
  const now = services.now()
  await services.store.db.transaction().execute(async (tx) => {
    for (const { key, scope } of keyed(services, subjects)) {
      const fresh = { key, failures: 0, failed_at: new Date(now), locked_until: null }
      await tx
        .insertInto('sign_in_attempts')
        .values(fresh)
        .onConflict((on) => on.doNothing())
        .execute()
      const row = await tx
        .selectFrom('sign_in_attempts')
        .selectAll()
        .where('key', '=', key)
        .forUpdate()
        .executeTakeFirst()
      const { free, code } = ATTEMPT_LIMITS[scope]
      const wait = Math.ceil(((row?.locked_until?.getTime() ?? 0) - now) / 1_000)
      if (wait > 0)
        throw new CoreError(code, `too many attempts; try again in ${wait} seconds`, { retryAfterSeconds: wait })
      const forgotten = row === undefined || now - row.failed_at.getTime() > FORGET_SECONDS * 1_000
      const failures = forgotten ? 1 : row.failures + 1
      const delay = delaySeconds(failures, free)
      const locked = delay === 0 ? null : new Date(now + delay * 1_000)
      const set = { failures, failed_at: new Date(now), locked_until: locked }
      await tx.updateTable('sign_in_attempts').set(set).where('key', '=', key).execute()
    }
    const old = new Date(now - FORGET_SECONDS * 1_000 - DELAY_SECONDS.most * 1_000)
    await tx.deleteFrom('sign_in_attempts').where('failed_at', '<', old).execute()
  })
}

/** The attempt was good: an account starts anew; of an address only this one attempt is taken back. */
export async function forgive(services: Services, subjects: readonly Subject[]): Promise<void> {
  for (const { key, scope } of keyed(services, subjects)) {
    const { db } = services.store
    if (scope === 'address') {
      await db
        .updateTable('sign_in_attempts')
        .set((eb) => ({ failures: eb('failures', '-', 1), locked_until: null }))
        .where('key', '=', key)
        .where('failures', '>', 0)
        .execute()
    } else await db.deleteFrom('sign_in_attempts').where('key', '=', key).execute()
  }
}

/** In one order everywhere, so that two never wait for each other. */
function keyed(services: Services, subjects: readonly Subject[]): { key: Buffer; scope: Subject['scope'] }[] {
  const rows = subjects.map(({ scope, value }) => {
    const counted = scope === 'address' ? networkOf(value) : value
    const text = `${scope}:${counted.toLowerCase()}`
    return { scope, key: createHmac('sha256', services.keys.auditKey).update(text).digest() }
  })
  return rows.sort((a, b) => a.key.compare(b.key))
}

/** What counts as one address: whoever has one of IPv6 has all 2^64 of its network. Others stay as they are. */
export function networkOf(address: string): string {
  const [bare = ''] = address.split('%')
  if (!isIPv6(bare) || bare.includes('.')) return address
  const [head = '', tail] = bare.split('::')
  const groups = head === '' ? [] : head.split(':')
  const zeros = tail === undefined ? [] : Array.from({ length: 8 - groups.length - groupsIn(tail) }, () => '0')
  const network = [...groups, ...zeros, ...(tail ?? '').split(':')].slice(0, 4)
  return `${network.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`
}

function groupsIn(tail: string): number {
  return tail === '' ? 0 : tail.split(':').length
}
