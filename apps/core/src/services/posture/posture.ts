/**
 * The only writers of posture. Whoever changed facts of devices calls them last in the same change.
 * @module
 */
import { sql } from 'kysely'
import type { PolicyDevice } from '@postern/contract/policy-snapshot'
import { evaluate, type Posture, type PostureReason, reasonCodes } from '@postern/posture/evaluate'
import type { Change } from '../../database/store.ts'
import type { StoredReason } from '../../database/tables/directory.ts'
import { lockPosture, type PostureEntryDraft, writeEntries } from './entries.ts'
import { type DeviceFacts, loadFacts } from './facts.ts'

/** Devices evaluated with one set of statements. */
const BATCH = 2_000

/**
 * Decides anew about devices, tells Sentries what differs and writes down each decision that changed. Devices that are
 * gone are taken from Sentries. Any number of ids; equal ones count once. Returns how many entries differ.
 */
export async function refreshPosture(change: Change, deviceIds: readonly string[]): Promise<number> {
  const ids = [...new Set(deviceIds)]
  if (ids.length === 0) return 0
  await lockPosture(change)
  let told = 0
  for (let from = 0; from < ids.length; from += BATCH) told += await refreshBatch(change, ids.slice(from, from + BATCH))
  return told
}

/** Tells Sentries of users that are blocked, or no longer. `userNames` as in the directory; their devices come extra. */
export async function setUserBlocked(change: Change, userNames: readonly string[], blocked: boolean): Promise<void> {
  if (userNames.length === 0) return
  await lockPosture(change)
  const value = blocked ? { blocked: true } : null
  await writeEntries(
    change,
    'user',
    userNames.map((key) => ({ key, value })),
  )
}

/**
 * Revokes certificates for ever, registered ones and others, and decides anew about the devices they belong to. The same
 * again does nothing. `fingerprints` in the contract's form.
 */
export async function revokeCertificates(
  change: Change,
  fingerprints: readonly string[],
  note: string,
): Promise<readonly string[]> {
  if (fingerprints.length === 0) return []
  await lockPosture(change)
  const rows = await change.tx
    .updateTable('identities')
    .set({ revoked_at: change.now, revoked_by: change.actor.name, revoked_note: note })
    .where('fingerprint', 'in', fingerprints)
    .where('revoked_at', 'is', null)
    .returning('device_id')
    .execute()
  await writeEntries(
    change,
    'certificate',
    fingerprints.map((key) => ({ key, value: { revoked: true } })),
  )
  const deviceIds = rows.map(({ device_id }) => device_id)
  await refreshPosture(change, deviceIds)
  return deviceIds
}

/** Whether Sentries enforce posture or only report what they would have refused. */
export async function setPostureMode(change: Change, mode: 'enforce' | 'report'): Promise<void> {
  await lockPosture(change)
  const changed = await writeEntries(change, 'mode', [{ key: 'mode', value: { mode } }])
  if (changed > 0) change.audit({ action: 'posture.mode', object: { kind: 'posture' }, after: { mode } })
}

async function refreshBatch(change: Change, ids: readonly string[]): Promise<number> {
  const known = await loadFacts(change.tx, ids)
  const decided: { device: DeviceFacts; posture: Posture }[] = []
  const entries: PostureEntryDraft[] = []
  for (const id of ids) {
    const device = known.get(id)
    if (device === undefined) {
      entries.push({ key: id, value: null })
      continue
    }
    const posture = evaluate(device.facts, change.now.getTime())
    decided.push({ device, posture })
    entries.push({ key: id, value: toPolicyDevice(device, posture) })
  }
  await storeDecisions(change, decided)
  for (const { device, posture } of decided) auditDecision(change, device, posture)
  return writeEntries(change, 'device', entries)
}

function toPolicyDevice({ id, userName, easDeviceIds, facts }: DeviceFacts, posture: Posture): PolicyDevice {
  const certificates = facts.identities.filter(({ revokedAt }) => revokedAt === null)
  return {
    id,
    user: userName,
    easDeviceIds: [...easDeviceIds],
    certificates: certificates.map(({ fingerprint }) => fingerprint).sort(),
    posture: posture.decision,
    reasons: reasonCodes(posture),
  }
}

async function storeDecisions(
  change: Change,
  decided: readonly { readonly device: DeviceFacts; readonly posture: Posture }[],
): Promise<void> {
  const rows = decided.map(({ device, posture: { decision, reasons, nextChange } }) => ({
    id: device.id,
    decision,
    reasons: reasons.map(toStored),
    next: iso(nextChange),
  }))
  await sql`
    insert into device_posture (device_id, decision, reasons, next_change, at)
    select id, decision, reasons, next, ${change.now}
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
      as row (id uuid, decision text, reasons jsonb, next timestamptz)
    on conflict (device_id) do update
      set decision = excluded.decision, reasons = excluded.reasons, next_change = excluded.next_change, at = excluded.at
      where (device_posture.decision, device_posture.reasons, device_posture.next_change)
        is distinct from (excluded.decision, excluded.reasons, excluded.next_change)`.execute(change.tx)
}

function auditDecision(change: Change, { id, name, decided }: DeviceFacts, posture: Posture): void {
  if (decided?.decision === posture.decision) return
  change.audit({
    action: 'posture.change',
    object: { kind: 'device', id, name },
    before: decided === null ? null : { decision: decided.decision, reasons: decided.reasons.map(({ code }) => code) },
    after: { decision: posture.decision, reasons: posture.reasons.map(({ code }) => code) },
  })
}

function toStored({ since, expires, ...rest }: PostureReason): StoredReason {
  return { ...rest, since: new Date(since).toISOString(), expires: iso(expires) }
}

function iso(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString()
}
