/**
 * What a Sentry says of itself: kept as its state; a change of what it applied or refused is written to the audit log.
 * @module
 */
import type { GatewayReport } from '@postern/contract/feed/gateway-report'
import type { Change } from '../../database/store.ts'
import type { StoredHealth } from '../../database/tables/sentries.ts'
import { recordAssociations } from '../associations/record.ts'
import type { Gateway } from './standing.ts'

interface Told {
  readonly etag: string | null
  readonly version: number | null
}

/** Records one report. The change's actor is the Sentry. */
export async function recordReport(
  change: Change,
  gateway: Pick<Gateway, 'sentryId' | 'name'>,
  { associations, ...told }: GatewayReport,
): Promise<void> {
  const { tx, now } = change
  const report = keepable(told, now.getTime())
  const { sentryId } = gateway
  await tx
    .insertInto('sentry_states')
    .values({ sentry_id: sentryId })
    .onConflict((conflict) => conflict.column('sentry_id').doNothing())
    .execute()
  const before = await tx
    .selectFrom('sentry_states')
    .select(['offered_etag', 'offered_version', 'applied_etag', 'applied_version', 'refused_etag', 'refused_version'])
    .where('sentry_id', '=', sentryId)
    .forUpdate()
    .executeTakeFirstOrThrow()
  const known = new Map<string, number | null>([
    ...named(before.refused_etag, before.refused_version),
    ...named(before.applied_etag, before.applied_version),
    ...named(before.offered_etag, before.offered_version),
  ])
  const { refused } = report.config
  const name = (etag: string | null): Told => ({ etag, version: etag === null ? null : (known.get(etag) ?? null) })
  const after = { applied: name(report.config.applied), refused: name(refused?.etag ?? null) }
  await tx
    .updateTable('sentry_states')
    .set({
      software_version: report.version,
      last_seen_at: now,
      reported_at: now,
      applied_etag: after.applied.etag,
      applied_version: after.applied.version,
      refused_etag: after.refused.etag,
      refused_version: after.refused.version,
      refused_problems: refused === null ? null : JSON.stringify(refused.problems),
      posture_epoch: report.posture.epoch,
      posture_seq: report.posture.seq,
      health: JSON.stringify(healthOf(report)),
    })
    .where('sentry_id', '=', sentryId)
    .execute()
  auditConfig(change, gateway, before, after, refused?.problems ?? [])
  if (associations.length > 0) await recordAssociations(change, sentryId, associations)
}

type OwnState = Omit<GatewayReport, 'associations'>

// What a Sentry that was taken over says of itself must not end the lists of those who look for it: no time that is none,
// no text that no column holds.
function keepable(state: OwnState, now: number): OwnState {
  const text = JSON.stringify(state, (_name, member: unknown) =>
    typeof member === 'string' ? member.toWellFormed().replaceAll('\0', '\ufffd') : member,
  )
  const kept = JSON.parse(text) as OwnState // other characters in texts that had no pattern
  return { ...kept, startedAt: Math.min(state.startedAt, now) }
}

function named(etag: string | null, version: number | null): [string, number | null][] {
  return etag === null ? [] : [[etag, version]]
}

function healthOf({ startedAt, notReady, counts, servers }: OwnState): StoredHealth {
  return { startedAt, notReady, ...counts, servers }
}

function auditConfig(
  change: Change,
  { sentryId, name }: Pick<Gateway, 'sentryId' | 'name'>,
  before: { applied_etag: string | null; applied_version: number | null; refused_etag: string | null },
  after: { applied: Told; refused: Told },
  problems: readonly object[],
): void {
  const object = { kind: 'sentry', id: sentryId, name }
  if (after.applied.etag !== null && after.applied.etag !== before.applied_etag) {
    change.audit({
      action: 'sentry.apply-configuration',
      object,
      before: { etag: before.applied_etag, version: before.applied_version },
      after: after.applied,
    })
  }
  if (after.refused.etag !== null && after.refused.etag !== before.refused_etag) {
    change.audit({ action: 'sentry.refuse-configuration', object, after: { ...after.refused, problems } })
  }
}
