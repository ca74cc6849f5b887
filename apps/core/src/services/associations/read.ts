/**
 * Associations as administrators read them.
 * @module
 */
import { type Expression, type RawBuilder, sql } from 'kysely'
import type {
  Association,
  AssociationDetail,
  AssociationGroups,
  AssociationQuery,
  AssociationStanding,
} from '@postern/contract/api/associations'
import type { Db } from '../../database/connect.ts'
import { type Page, pageOf } from '../../database/paging.ts'
import { notFound } from '../../failure.ts'
import { containsWords } from '../search.ts'
import { associationUserKey } from './keys.ts'
import { IDENTITY_REASONS } from './sentry-reasons.ts'
import { whyAssociation } from './why.ts'

/** Columns of the last seen first. */
const LAST_SEEN = [
  { by: 'associations.last_seen', type: 'timestamptz' },
  { by: 'associations.id', type: 'uuid' },
] as const

/** The last seen first. `now`: decisions by hand that have expired do not count. */
export async function listAssociations(db: Db, asked: AssociationQuery, now: Date): Promise<Page<Association>> {
  const { state, standing, decision, user, device, search } = asked
  let query = selectAssociations(db, now)
  if (state !== undefined) query = query.where('associations.device_id', state === 'linked' ? 'is not' : 'is', null)
  if (standing !== undefined) query = query.where(standingSql(now), '=', standing)
  if (decision !== undefined) query = query.where('associations.decision', '=', decision)
  if (user !== undefined) query = query.where('associations.user_key', '=', associationUserKey(user))
  if (device !== undefined) query = query.where('associations.device_id', '=', device)
  if (search !== undefined) query = query.where(containsWords(sql.ref('associations.search'), search))
  const { limit, cursor } = asked
  const page = await pageOf(query, { limit, cursor, sort: 'lastSeen', columns: LAST_SEEN, descending: true })
  return { next: page.next, items: page.items.map(toAssociation) }
}

/** With everything that speaks for or against it. @throws CoreError NOT_FOUND */
export async function readAssociation(db: Db, id: string, now: Date): Promise<AssociationDetail> {
  const row = await selectAssociations(db, now).where('associations.id', '=', id).executeTakeFirst()
  if (row === undefined) throw notFound('association', id)
  const association = toAssociation(row)
  return { ...association, why: await whyAssociation(db, association) }
}

/** The five groups; every association is in one of them. */
export async function countAssociations(db: Db, now: Date): Promise<AssociationGroups> {
  const rows = await db
    .selectFrom('associations')
    .leftJoin('devices', 'devices.id', 'associations.device_id')
    .leftJoin('device_posture', 'device_posture.device_id', 'associations.device_id')
    .select([standingSql(now).as('standing'), sql<boolean>`associations.device_id is not null`.as('registered')])
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .groupBy(['standing', 'registered'])
    .execute()
  const count = (standing: AssociationStanding, registered: boolean): number =>
    rows.find((row) => row.standing === standing && row.registered === registered)?.count ?? 0
  return {
    registeredAllowed: count('allowed', true),
    registeredBlocked: count('blocked', true),
    unregisteredAllowed: count('allowed', false),
    unregisteredBlocked: count('blocked', false),
    wiped: count('wiped', true) + count('wiped', false),
  }
}

function inForce(now: Date): RawBuilder<boolean> {
  return sql`(override_kind is not null and (override_expires_at is null or override_expires_at > ${now}))`
}

/**
 * What comes of the next request. The posture of the device decides; without a device the decision by hand; without
 * either it is as it was. What a Sentry refused because nobody proved who they are stays refused whatever posture says.
 */
function standingSql(now: Date): RawBuilder<AssociationStanding> {
  const force = inForce(now)
  return sql`case
    when wipe_phase = 'acknowledged' or devices.state = 'wiped' then 'wiped'
    when associations.device_id is not null and device_posture.decision is distinct from 'allow' then 'blocked'
    when associations.device_id is null and ${force} and override_kind = 'block' then 'blocked'
    when associations.decision <> 'refuse' then 'allowed'
    when associations.device_id is null and not ${force} then 'blocked'
    when associations.reasons[1] = any(${[...IDENTITY_REASONS]}::text[]) then 'blocked'
    else 'allowed' end`
}

function selectAssociations(db: Db, now: Date) {
  const override: Expression<boolean> = inForce(now)
  return db
    .selectFrom('associations')
    .leftJoin('devices', 'devices.id', 'associations.device_id')
    .leftJoin('device_posture', 'device_posture.device_id', 'associations.device_id')
    .leftJoin('sentries', 'sentries.id', 'associations.sentry_id')
    .selectAll('associations')
    .select(['devices.name as device_name', 'sentries.name as sentry_name'])
    .select([standingSql(now).as('standing'), sql<boolean>`${override}`.as('in_force')])
}

type Selected = Awaited<ReturnType<ReturnType<typeof selectAssociations>['executeTakeFirstOrThrow']>>

function toAssociation(row: Selected): Association {
  return {
    id: row.id,
    user: row.user_name === '' ? null : row.user_name,
    easDeviceId: row.eas_device_id,
    deviceType: row.device_type,
    userAgent: row.user_agent,
    protocolVersion: row.protocol_version,
    certificate: row.certificate,
    device: row.device_id === null ? null : { id: row.device_id, name: row.device_name ?? '' },
    linkedBy: row.linked_by,
    standing: row.standing,
    decision: row.decision,
    reasons: row.reasons,
    override: toOverride(row),
    wipe: row.wipe_phase === null || row.wipe_at === null ? null : { phase: row.wipe_phase, at: iso(row.wipe_at) },
    firstSeen: iso(row.first_seen),
    lastSeen: iso(row.last_seen),
    requests: row.requests,
    sentry: row.sentry_id === null ? null : { id: row.sentry_id, name: row.sentry_name ?? '' },
  }
}

function toOverride(row: Selected): Association['override'] {
  if (!row.in_force || row.override_kind === null || row.override_at === null) return null
  return {
    kind: row.override_kind,
    note: row.override_note ?? '',
    by: row.override_by ?? '',
    at: iso(row.override_at),
    expiresAt: row.override_expires_at === null ? null : iso(row.override_expires_at),
  }
}

function iso(time: Date): string {
  return time.toISOString()
}
