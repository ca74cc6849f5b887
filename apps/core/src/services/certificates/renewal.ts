/**
 * Certificates that Core issued for Standalone Sentries are issued anew before they end.
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { SYSTEM } from '../../audit/chain.ts'
import type { Services } from '../services.ts'
import { ensureIssued, namesOf, RENEW_BEFORE_DAYS } from './device-authority.ts'

const DAY_MS = 86_400_000
/** How often it looks; several Cores may look at once, the row's lock lets one act. Milliseconds. */
const INTERVAL_MS = 3_600_000

type RenewalServices = Pick<Services, 'store' | 'vault' | 'log' | 'now'>

/** Renews what ends soon. Returns how many were. */
export async function renewIssued(services: RenewalServices): Promise<number> {
  const { store, vault } = services
  const soon = new Date(services.now() + RENEW_BEFORE_DAYS * DAY_MS)
  const due = await store.db
    .selectFrom('certificates')
    .select('issued_for')
    .where('source', '=', 'issued')
    .where('not_after', '<=', soon)
    .execute()
  let renewed = 0
  for (const { issued_for: profileId } of due) {
    if (profileId === null) continue
    const done = await store.change(SYSTEM, async (change) => {
      const row = await change.tx
        .selectFrom('sentry_profiles')
        .select(['id', 'name', 'settings'])
        .where('id', '=', profileId)
        .forUpdate()
        .executeTakeFirst()
      // Removed meanwhile, or given another certificate.
      if (row === undefined || row.settings.tls.certificateId !== null) return false
      return ensureIssued(change, vault, row, namesOf(row.settings))
    })
    if (done) renewed += 1
  }
  return renewed
}

/** Looks once an hour until disposed. */
export function startRenewal(services: RenewalServices): AsyncDisposable {
  const stop = new AbortController()
  const running = run(services, stop.signal)
  return {
    [Symbol.asyncDispose]: async () => {
      stop.abort()
      await running
    },
  }
}

async function run(services: RenewalServices, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      const renewed = await renewIssued(services)
      if (renewed > 0) services.log('info', 'certificates-renewed', { certificates: renewed })
    } catch (error) {
      services.log('problem', 'certificate-renewal', { name: error instanceof Error ? error.name : 'unknown' })
    }
    await sleep(INTERVAL_MS, undefined, { signal }).catch(() => undefined)
  }
}
