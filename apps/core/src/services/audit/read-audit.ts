/**
 * Reading the audit log: a page for people, everything for export, and whether all of it is what Core wrote.
 * @module
 */
import type { SelectQueryBuilder } from 'kysely'
import type { AuditEntry, AuditFilter, AuditVerdict } from '@postern/contract/api/audit'
import { type AuditAnchor, type AuditRow, verifyChain } from '../../audit/verify-chain.ts'
import type { Db } from '../../database/connect.ts'
import { type Page, pageOf } from '../../database/paging.ts'
import type { Tables } from '../../database/tables.ts'
import { toDate } from '../instant.ts'

/** Rows in memory at once. */
const PAGE_ROWS = 500

/** Newest first. @throws CoreError INVALID for a cursor of another list */
export async function listAudit(
  db: Db,
  query: AuditFilter & { readonly limit?: number; readonly cursor?: string },
): Promise<Page<AuditEntry>> {
  const { items, next } = await pageOf(filtered(db, query), {
    limit: query.limit,
    cursor: query.cursor,
    sort: 'audit',
    columns: [{ by: 'audit.seq', type: 'bigint' }],
    descending: true,
  })
  return { items: items.map(toEntry), next }
}

/** All rows that fit, oldest first, a page at a time. Rows written meanwhile come too. */
export async function* auditPages(
  db: Db,
  filter: AuditFilter = {},
  after = 0,
): AsyncGenerator<readonly AuditRow[], undefined> {
  for (let last = after; ;) {
    const rows = await filtered(db, filter).where('seq', '>', last).orderBy('seq').limit(PAGE_ROWS).execute()
    if (rows.length > 0) yield rows
    last = rows.at(-1)?.seq ?? last
    if (rows.length < PAGE_ROWS) return undefined
  }
}

/** Lines of JSON, each with its line feed: `AuditEntry` objects. */
export async function* auditLines(db: Db, filter: AuditFilter): AsyncGenerator<string> {
  for await (const page of auditPages(db, filter)) {
    yield page.map((row) => `${JSON.stringify(toEntry(row))}\n`).join('')
  }
}

/** Reads and verifies every row as of one moment. `key`: the audit key, 32 bytes. */
export async function verifyAudit(db: Db, key: Buffer, anchor: AuditAnchor | null): Promise<AuditVerdict> {
  if (db.isTransaction) return verified(db, key, anchor)
  return db
    .transaction()
    .setIsolationLevel('repeatable read')
    .setAccessMode('read only')
    .execute((tx) => verified(tx, key, anchor))
}

async function verified(db: Db, key: Buffer, anchor: AuditAnchor | null): Promise<AuditVerdict> {
  const head = await db.selectFrom('audit_head').select(['seq', 'mac']).executeTakeFirst()
  return verifyChain(auditPages(db), head ?? { seq: 0, mac: Buffer.alloc(0) }, key, anchor)
}

/** A row in the words of the API. */
export function toEntry(row: AuditRow): AuditEntry {
  return {
    seq: row.seq,
    at: row.at.toISOString(),
    actor: { kind: row.actor_kind, id: row.actor_id, name: row.actor_name },
    sessionId: row.session_id,
    remote: row.remote,
    requestId: row.request_id,
    action: row.action,
    object: { kind: row.object_kind, id: row.object_id, name: row.object_name },
    before: row.before,
    after: row.after,
    note: row.note,
    mac: row.mac.toString('hex'),
  }
}

function filtered(db: Db, filter: AuditFilter): SelectQueryBuilder<Tables, 'audit', AuditRow> {
  const { actor, action, objectKind, objectId, since, until } = filter
  let query = db.selectFrom('audit').selectAll()
  if (actor !== undefined) query = query.where((e) => e.or([e('actor_id', '=', actor), e('actor_name', '=', actor)]))
  if (action !== undefined) query = query.where((e) => e.fn<boolean>('starts_with', ['action', e.val(action)]))
  if (objectKind !== undefined) query = query.where('object_kind', '=', objectKind)
  if (objectId !== undefined) query = query.where('object_id', '=', objectId)
  if (since !== undefined) query = query.where('at', '>=', toDate('since', since))
  if (until !== undefined) query = query.where('at', '<', toDate('until', until))
  return query
}
