/**
 * Associations as Sentries report them: a report costs the same number of statements however many it tells of.
 * @module
 */
import { sql } from 'kysely'
import type { AssociationReport } from '@postern/contract/feed/gateway-report'
import type { Change } from '../../database/store.ts'
import type { LinkedBy } from '../../database/tables/associations.ts'
import { recordWiped } from '../devices/actions.ts'
import { associationUserKey } from './keys.ts'
import { chooseLink, type EasCandidate, type Link, sameLink } from './link.ts'
import {
  isDecisionChange,
  type KnownAssociation,
  merge,
  type MergedAssociation,
  type Sighting,
  toSightings,
} from './merge.ts'
import { postureFollows } from './posture-effect.ts'

/** Unlinked associations without a decision by hand that are kept of each user; the longest unseen go. */
export const UNLINKED_PER_USER = 20

/** Records whom a Sentry saw. At most `MAX_ASSOCIATIONS` reports at once. The change's actor is the Sentry. */
export async function recordAssociations(
  change: Change,
  sentryId: string,
  reports: readonly AssociationReport[],
): Promise<void> {
  const sightings = toSightings(reports, change.now.getTime())
  if (sightings.length === 0) return
  const known = await knownAssociations(change, sightings)
  const linkOf = await linksOf(change, sightings)
  const recorded = sightings.map((seen): Recorded => {
    const before = known.get(rowKey(seen)) ?? null
    const merged = merge(before, seen, sentryId)
    const link = merged.latest === null ? (before?.link ?? null) : linkOf(seen, before)
    return { seen, before, merged, link }
  })
  const ids = await write(change, sentryId, recorded)
  for (const each of recorded) audit(change, each, ids.get(rowKey(each.seen)) ?? null)
  const moved = recorded.filter(({ before, link }) => before?.overridden === true && !sameLink(before.link, link))
  for (const { before } of moved) if (before !== null) await postureFollows(change, before.id)
  for (const device of wiped(recorded)) await recordWipe(change, device)
  await dropOldest(change, [...new Set(sightings.map(({ userKey }) => userKey))])
}

const DEVICE_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

interface Recorded {
  readonly seen: Sighting
  readonly before: KnownAssociation | null
  readonly merged: MergedAssociation
  readonly link: Link | null
}

/** Devices of which this report is the first to say that the account is gone. */
function wiped(recorded: readonly Recorded[]): ReadonlySet<string> {
  const done = recorded.filter(
    ({ before, merged }) => merged.wipe?.phase === 'acknowledged' && before?.wipe?.phase !== 'acknowledged',
  )
  return new Set(done.flatMap(({ seen: { device } }) => (device !== null && DEVICE_ID.test(device) ? [device] : [])))
}

async function recordWipe(change: Change, device: string): Promise<void> {
  const known = await change.tx.selectFrom('devices').select('id').where('id', '=', device).executeTakeFirst()
  if (known !== undefined) await recordWiped(change, device)
}

function rowKey({ userKey, easKey }: Pick<Sighting, 'userKey' | 'easKey'>): string {
  return `${userKey}\n${easKey}`
}

/** Locked until the change ends, in the order of keys. */
async function knownAssociations(
  change: Change,
  sightings: readonly Sighting[],
): Promise<ReadonlyMap<string, KnownAssociation>> {
  const keys = JSON.stringify(sightings.map(({ userKey, easKey }) => ({ user_key: userKey, eas_key: easKey })))
  const rows = await change.tx
    .selectFrom('associations')
    .selectAll('associations')
    .where(
      sql<boolean>`(user_key, eas_key) in
        (select user_key, eas_key from jsonb_to_recordset(${keys}::jsonb) as told (user_key text, eas_key text))`,
    )
    .orderBy('user_key')
    .orderBy('eas_key')
    .forUpdate()
    .execute()
  return new Map(
    rows.map((row) => [
      rowKey({ userKey: row.user_key, easKey: row.eas_key }),
      {
        id: row.id,
        link: toLink(row.device_id, row.linked_by),
        decision: row.decision,
        reasons: row.reasons,
        firstSeen: row.first_seen.getTime(),
        lastSeen: row.last_seen.getTime(),
        requests: row.requests,
        requestCounts: row.request_counts,
        wipe: row.wipe_phase === null ? null : { phase: row.wipe_phase, at: row.wipe_at?.getTime() ?? 0 },
        overridden: row.override_kind !== null,
      },
    ]),
  )
}

function toLink(deviceId: string | null, by: LinkedBy | null): Link | null {
  return deviceId === null || by === null ? null : { deviceId, by }
}

type LinkChooser = (seen: Sighting, before: KnownAssociation | null) => Link | null

interface EasDevice {
  readonly id: string
  readonly state: string
  readonly eas_keys: readonly string[]
  readonly user_name: string
  readonly email: string
}

/** Two statements for all: devices of the certificates, devices with the ids. They stay until the change ends. */
async function linksOf(change: Change, sightings: readonly Sighting[]): Promise<LinkChooser> {
  const fingerprints = sightings.flatMap(({ certificate }) => (certificate === null ? [] : [certificate]))
  const identities = await change.tx
    .selectFrom('identities')
    .innerJoin('devices', 'devices.id', 'identities.device_id')
    .select(['fingerprint', 'devices.id'])
    .where(sql<boolean>`fingerprint = any(${fingerprints})`)
    .forKeyShare('devices')
    .execute()
  // Id by id, so that each is looked up in the index: an overlap with hundreds of ids would read every device.
  const devices = await sql<EasDevice>`
    select devices.id, devices.state, devices.eas_keys, users.user_name, users.email
    from unnest(${[...new Set(sightings.map(({ easKey }) => easKey))]}::text[]) as told (eas_key)
      join devices on devices.eas_keys @> array[told.eas_key]
      join users on users.id = devices.user_id
    for key share of devices`.execute(change.tx)
  const byCertificate = new Map(identities.map(({ fingerprint, id }) => [fingerprint, id]))
  const byEasKey = new Map<string, EasCandidate[]>()
  const distinct = new Map(devices.rows.map((row) => [row.id, row])) // once, by however many of its ids it was found
  for (const { id, state, eas_keys: easKeys, user_name: userName, email } of distinct.values()) {
    const owners = [userName, email].filter((name) => name !== '').map(associationUserKey)
    const candidate = { deviceId: id, owners, inUse: state !== 'retired' && state !== 'wiped' }
    for (const key of new Set(easKeys)) byEasKey.set(key, [...(byEasKey.get(key) ?? []), candidate])
  }
  return ({ userKey, easKey, certificate }, before) =>
    chooseLink({
      current: before?.link ?? null,
      decided: before?.overridden === true,
      user: userKey,
      certificateDevice: certificate === null ? null : (byCertificate.get(certificate) ?? null),
      candidates: byEasKey.get(easKey) ?? [],
    })
}

/** One statement, and one for reports that are older than what is known. Returns the ids of the others by row key. */
async function write(
  change: Change,
  sentryId: string,
  recorded: readonly Recorded[],
): Promise<ReadonlyMap<string, string>> {
  const late = recorded.filter(({ merged }) => merged.latest === null)
  if (late.length > 0) await writeLate(change, late)
  const rows = recorded.filter(({ merged }) => merged.latest !== null).map(toRow)
  if (rows.length === 0) return new Map()
  const result = await sql<{ id: string; user_key: string; eas_key: string }>`
    insert into associations as known (user_name, user_key, eas_device_id, eas_key, device_type, user_agent,
      protocol_version, certificate, device_id, linked_by, decision, reasons, wipe_phase, wipe_at, first_seen, last_seen,
      sentry_id, requests, request_counts)
    select user_name, user_key, eas_device_id, eas_key, device_type, user_agent, protocol_version, certificate, device_id,
      linked_by, decision, array(select jsonb_array_elements_text(reasons)), wipe_phase, wipe_at, first_seen, last_seen,
      ${sentryId}::uuid, requests, request_counts
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as told (user_name text, user_key text, eas_device_id text,
      eas_key text, device_type text, user_agent text, protocol_version text, certificate text, device_id uuid,
      linked_by text, decision text, reasons jsonb, wipe_phase text, wipe_at timestamptz, first_seen timestamptz,
      last_seen timestamptz, requests bigint, request_counts jsonb)
    on conflict (user_key, eas_key) do update set
      user_name = excluded.user_name, eas_device_id = excluded.eas_device_id, device_type = excluded.device_type,
      user_agent = excluded.user_agent, protocol_version = excluded.protocol_version,
      certificate = excluded.certificate,
      device_id = case when known.linked_by = 'hand' then known.device_id else excluded.device_id end,
      linked_by = case when known.linked_by = 'hand' then known.linked_by else excluded.linked_by end,
      decision = excluded.decision, reasons = excluded.reasons, wipe_phase = excluded.wipe_phase,
      wipe_at = excluded.wipe_at, first_seen = least(known.first_seen, excluded.first_seen),
      last_seen = greatest(known.last_seen, excluded.last_seen), sentry_id = excluded.sentry_id,
      requests = greatest(known.requests, excluded.requests),
      request_counts = known.request_counts || excluded.request_counts
    returning id, user_key, eas_key`.execute(change.tx)
  return new Map(result.rows.map((row) => [rowKey({ userKey: row.user_key, easKey: row.eas_key }), row.id]))
}

async function writeLate(change: Change, late: readonly Recorded[]): Promise<void> {
  const rows = late.map(({ before, merged }) => ({
    id: before?.id,
    first_seen: new Date(merged.firstSeen),
    requests: merged.requests,
    request_counts: merged.requestCounts,
  }))
  await sql`
    update associations
    set first_seen = told.first_seen, requests = told.requests, request_counts = told.request_counts
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
      as told (id uuid, first_seen timestamptz, requests bigint, request_counts jsonb)
    where associations.id = told.id`.execute(change.tx)
}

function toRow({ seen, merged, link }: Recorded): object {
  const { wipe } = merged
  return {
    user_name: seen.user,
    user_key: seen.userKey,
    eas_device_id: seen.easDeviceId,
    eas_key: seen.easKey,
    device_type: seen.deviceType,
    user_agent: seen.userAgent,
    protocol_version: seen.protocolVersion,
    certificate: seen.certificate,
    device_id: link?.deviceId ?? null,
    linked_by: link?.by ?? null,
    decision: seen.decision,
    reasons: seen.reasons,
    wipe_phase: wipe?.phase ?? null,
    wipe_at: wipe === null ? null : new Date(wipe.at),
    first_seen: new Date(merged.firstSeen),
    last_seen: new Date(merged.lastSeen),
    requests: merged.requests,
    request_counts: merged.requestCounts,
  }
}

function audit(change: Change, { seen, before, merged, link }: Recorded, id: string | null): void {
  if (merged.latest === null) return
  const object = { kind: 'association', id, name: `${seen.user === '' ? 'nobody' : seen.user} ${seen.easDeviceId}` }
  if (isDecisionChange(before, seen, link)) {
    change.audit({
      action: 'decision.change',
      object,
      before: before === null ? null : { decision: before.decision, reasons: before.reasons },
      after: { decision: seen.decision, reasons: seen.reasons },
    })
  }
  const old = before?.link ?? null
  if (!sameLink(old, link)) change.audit({ action: 'association.link', object, before: old, after: link })
}

/** Linked ones go with their device; those with a decision by hand stay until somebody takes it back. */
async function dropOldest(change: Change, userKeys: readonly string[]): Promise<void> {
  await sql`
    delete from associations where id in (
      select id from (
        select id, row_number() over (partition by user_key order by last_seen desc, id) as place
        from associations
        where user_key = any(${userKeys}) and device_id is null and override_kind is null
      ) ranked where place > ${UNLINKED_PER_USER})`.execute(change.tx)
}
