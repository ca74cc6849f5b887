/**
 * Binds a database to its key folder: Core does not start with keys of another one, which would break the audit log's
 * chain at the first change and leave secrets closed.
 * @module
 */
import { createHmac } from 'node:crypto'
import { sql } from 'kysely'
import type { Db } from '../database/connect.ts'
import { CoreError } from '../failure.ts'
import type { KeyRing } from './key-ring.ts'

const NAME = 'audit-key'

/** Proves the key without telling it. Hex. */
function keyProof(auditKey: Buffer, purpose: string): string {
  return createHmac('sha256', auditKey).update(`postern ${purpose}`).digest('hex')
}

/**
 * The first start writes down which audit key is meant; every other compares.
 * @throws CoreError UNAVAILABLE when the folder is another database's, or lacks a key that secrets are wrapped with
 */
export async function bindKeys(db: Db, ring: KeyRing): Promise<void> {
  const proof = JSON.stringify(keyProof(ring.auditKey, NAME))
  await sql`insert into core_state (name, value) values (${NAME}, ${proof}) on conflict do nothing`.execute(db)
  const row = await db.selectFrom('core_state').select('value').where('name', '=', NAME).executeTakeFirstOrThrow()
  if (JSON.stringify(row.value) !== proof) {
    const remedy =
      'several Cores on one database need the same folder; restore the right one or name it as secrets.folder'
    throw new CoreError('UNAVAILABLE', `${ring.folder} holds the keys of another database; ${remedy}`)
  }
  const used = await db.selectFrom('secrets').select('key_id').distinct().execute()
  for (const { key_id: id } of used) await ring.byId(id)
}
