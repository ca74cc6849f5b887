/**
 * What the posture of devices depends on, read in one statement.
 * @module
 */
import { sql } from 'kysely'
import type { DoneFacts, IdentityFacts, OverrideFacts, PostureFacts } from '@postern/posture/evaluate'
import type { Db } from '../../database/connect.ts'
import type { Decision, StoredReason } from '../../database/tables/directory.ts'

/** A device with its facts, and what was decided last; null when nothing was. */
export interface DeviceFacts {
  readonly id: string
  readonly name: string
  readonly userName: string
  readonly easDeviceIds: readonly string[]
  readonly facts: PostureFacts
  readonly decided: { readonly decision: Decision; readonly reasons: readonly StoredReason[] } | null
}

interface FactsRow {
  id: string
  name: string
  user_name: string
  eas_device_ids: string[]
  state: PostureFacts['state']
  state_since: Date
  requires_identity: boolean
  retired_by: string | null
  retired_note: string | null
  wipe_at: Date | null
  wipe_by: string | null
  wipe_note: string | null
  blocked_at: Date | null
  blocked_by: string | null
  blocked_note: string | null
  disabled_at: Date | null
  identities: IdentityFacts[]
  overrides: OverrideFacts[]
  decision: Decision | null
  reasons: StoredReason[] | null
}

/** Facts of those of the devices that there are, by id. Times: ms since 1970. */
export async function loadFacts(db: Db, deviceIds: readonly string[]): Promise<ReadonlyMap<string, DeviceFacts>> {
  const { rows } = await sql<FactsRow>`
    select d.id, d.name, d.user_name, d.eas_device_ids, d.state, d.state_since, d.requires_identity,
      d.retired_by, d.retired_note, d.wipe_at, d.wipe_by, d.wipe_note,
      u.blocked_at, u.blocked_by, u.blocked_note, u.disabled_at, p.decision, p.reasons,
      (select coalesce(json_agg(json_build_object(
          'fingerprint', i.fingerprint, 'notBefore', ${ms('i.not_before')}, 'notAfter', ${ms('i.not_after')},
          'revokedAt', ${ms('i.revoked_at')}, 'revokedBy', coalesce(i.revoked_by, ''))), '[]')
        from identities i where i.device_id = d.id) as identities,
      (select coalesce(json_agg(json_build_object(
          'of', split_part(o.source, ':', 1), 'kind', o.kind, 'actor', o.actor, 'note', o.note,
          'at', ${ms('o.at')}, 'expiresAt', ${ms('o.expires_at')})), '[]')
        from posture_overrides o where o.device_id = d.id) as overrides
    from devices d join users u on u.id = d.user_id left join device_posture p on p.device_id = d.id
    where d.id = any(${deviceIds}::uuid[])`.execute(db)
  return new Map(rows.map((row) => [row.id, toDeviceFacts(row)]))
}

function ms(column: string) {
  return sql`(extract(epoch from ${sql.ref(column)}) * 1000)::bigint`
}

function toDeviceFacts(row: FactsRow): DeviceFacts {
  const decided = row.decision === null ? null : { decision: row.decision, reasons: row.reasons ?? [] }
  const retired = row.state === 'retired'
  return {
    id: row.id,
    name: row.name,
    userName: row.user_name,
    easDeviceIds: row.eas_device_ids,
    decided,
    facts: {
      state: row.state,
      stateSince: row.state_since.getTime(),
      stateBy: (retired ? row.retired_by : null) ?? (row.state === 'wiped' ? 'device' : 'enrolment'),
      stateNote: (retired ? row.retired_note : null) ?? '',
      requiresIdentity: row.requires_identity,
      wipeRequested: done(row.wipe_at, row.wipe_by, row.wipe_note),
      userBlocked: done(row.blocked_at, row.blocked_by, row.blocked_note),
      userDisabledSince: row.disabled_at?.getTime() ?? null,
      identities: row.identities,
      overrides: row.overrides,
    },
  }
}

function done(at: Date | null, by: string | null, note: string | null): DoneFacts | null {
  return at === null ? null : { at: at.getTime(), by: by ?? '', note: note ?? '' }
}
