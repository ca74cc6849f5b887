/**
 * Sentries as administrators see them: what was decided, who they are, and how they are.
 * @module
 */
import { type Expression, sql } from 'kysely'
import type { Sentry } from '@postern/contract/api/sentries'
import type { Db } from '../../database/connect.ts'
import { type Page, pageOf } from '../../database/paging.ts'
import type { StoredHealth } from '../../database/tables/sentries.ts'
import { notFound } from '../../failure.ts'
import type { Rendered, RenderDocument } from './documents.ts'
import { schemaProblem, servedEtag } from './schemas.ts'

const DAY_MS = 86_400_000
/** A stream is told of every 5 seconds; three missed and it does not count any more. Milliseconds. */
const CONNECTED_MS = 15_000

/** What a reading needs. `now`: ms since 1970. */
export interface SentriesReader {
  readonly db: Db
  readonly render: RenderDocument
  readonly now: number
}

/** In the order of their names. */
export async function listSentries(
  reader: SentriesReader,
  page: { readonly limit?: number | undefined; readonly cursor?: string | undefined },
): Promise<Page<Sentry>> {
  const { items, next } = await pageOf(sentryRows(reader.db), {
    ...page,
    sort: 'name',
    columns: [
      { by: sql`lower(sentries.name)`, type: 'text' },
      { by: 'sentries.id', type: 'uuid' },
    ],
  })
  return { items: await toSentries(reader, items), next }
}

/** @throws CoreError NOT_FOUND */
export async function readSentry(reader: SentriesReader, id: string): Promise<Sentry> {
  const row = await sentryRows(reader.db).where('sentries.id', '=', id).executeTakeFirst()
  const [sentry] = row === undefined ? [] : await toSentries(reader, [row])
  if (sentry === undefined) throw notFound('Sentry', id)
  return sentry
}

function sentryRows(db: Db) {
  const newestKey = (column: 'fingerprint' | 'not_after'): Expression<unknown> =>
    sql`(select ${sql.ref(column)} from sentry_keys where sentry_id = sentries.id order by created_at desc limit 1)`
  return db
    .selectFrom('sentries')
    .leftJoin('sentry_states', 'sentry_states.sentry_id', 'sentries.id')
    .selectAll('sentry_states')
    .selectAll('sentries')
    .select([
      sql<string | null>`${newestKey('fingerprint')}`.as('fingerprint'),
      sql<Date | null>`${newestKey('not_after')}`.as('not_after'),
    ])
}

type Row = Awaited<ReturnType<ReturnType<typeof sentryRows>['executeTakeFirstOrThrow']>>

async function toSentries({ db, render, now }: SentriesReader, rows: readonly Row[]): Promise<Sentry[]> {
  const documents = new Map<string, Rendered>()
  for (const id of new Set(rows.map((row) => row.profile_id))) {
    if (id !== null) documents.set(id, await render(id))
  }
  const newest = await newestPosture(db)
  return rows.map((row) => ({
    id: row.id,
    version: row.version,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
    name: row.name,
    profileId: row.profile_id,
    local: row.local,
    registration: registrationOf(row, now),
    connection: connectionOf(row, now),
    configuration: configurationOf(row, row.profile_id === null ? null : (documents.get(row.profile_id) ?? null)),
    posture: {
      seq: row.posture_seq,
      behind:
        row.posture_seq === null || row.posture_epoch !== newest.epoch
          ? null
          : Math.max(0, newest.seq - row.posture_seq),
    },
    health: healthOf(row.health, row.reported_at),
  }))
}

async function newestPosture(db: Db): Promise<{ epoch: string; seq: number }> {
  const { rows } = await sql<{ epoch: string; seq: number }>`
    select (select value #>> '{}' from core_state where name = 'epoch') as epoch,
      coalesce((select max(seq) from posture_entries), 0) as seq`.execute(db)
  return rows[0] ?? { epoch: '', seq: 0 }
}

function instant(date: Date | null): string | null {
  return date === null ? null : date.toISOString()
}

function registrationOf(row: Row, now: number): Sentry['registration'] {
  const state = row.revoked_at !== null ? 'revoked' : row.registered_at === null ? 'waiting' : 'registered'
  const left = row.not_after === null ? null : Math.floor((row.not_after.getTime() - now) / DAY_MS)
  return {
    state,
    fingerprint: row.fingerprint,
    registeredAt: instant(row.registered_at),
    revokedAt: instant(row.revoked_at),
    certificateEndsAt: instant(row.not_after),
    certificateDaysLeft: left,
    tokenExpiresAt: instant(row.token_expires_at),
  }
}

function connectionOf(row: Row, now: number): Sentry['connection'] {
  const seen = row.stream_seen_at
  const connected = row.stream_id !== null && seen !== null && now - seen.getTime() < CONNECTED_MS
  return {
    connected,
    since: connected ? instant(row.stream_since) : null,
    lastSeenAt: instant(row.last_seen_at),
    softwareVersion: row.software_version,
    feedSchema: row.feed_schema,
    tooOld: row.schemas === null || row.schemas.length === 0 ? null : schemaProblem(row.schemas),
  }
}

function configurationOf(row: Row, rendered: Rendered | null): Sentry['configuration'] {
  const problem = rendered !== null && 'problem' in rendered ? rendered.problem : null
  const wanted =
    rendered === null || 'problem' in rendered
      ? null
      : {
          etag: row.feed_schema === null ? rendered.etag : servedEtag(rendered.etag, row.feed_schema),
          version: rendered.document.profile.version,
        }
  const applied = row.applied_etag === null ? null : { etag: row.applied_etag, version: row.applied_version }
  const refused =
    row.refused_etag === null
      ? null
      : {
          document: { etag: row.refused_etag, version: row.refused_version },
          problems: (row.refused_problems ?? []).map(({ path, message }) => ({ path, message })),
        }
  return {
    state: stateOf(rendered, wanted?.etag, applied?.etag, refused?.document.etag),
    wanted,
    applied,
    problem,
    refused,
    notServed: [...(row.not_served ?? [])],
  }
}

function stateOf(
  rendered: Rendered | null,
  wanted: string | undefined,
  applied: string | undefined,
  refused: string | undefined,
): Sentry['configuration']['state'] {
  if (rendered === null) return 'none'
  if (wanted === undefined) return 'problem'
  if (wanted === applied) return 'applied'
  return wanted === refused ? 'refused' : 'waiting'
}

function healthOf(health: StoredHealth | null, reportedAt: Date | null): Sentry['health'] {
  if (health === null || reportedAt === null) return null
  const { startedAt, notReady, servers, ...counts } = health
  return {
    reportedAt: reportedAt.toISOString(),
    startedAt: new Date(startedAt).toISOString(),
    notReady: [...notReady],
    ...counts,
    servers: servers.map((server) => ({ ...server })),
  }
}
