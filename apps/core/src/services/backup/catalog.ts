/**
 * What the database says of its own tables: for backups, which must not forget a table that somebody adds.
 * @module
 */
import { sql } from 'kysely'
import type { Db } from '../../database/connect.ts'

/** A table. `columns`: those that can be written, in their order; `order`: the primary key. */
export interface TableShape {
  readonly name: string
  readonly columns: readonly { readonly name: string; readonly type: string }[]
  readonly order: readonly string[]
}

/** Every table of our schema by name. @throws Error for one without a primary key: its rows have no order. */
export async function tableShapes(db: Db): Promise<readonly TableShape[]> {
  const { rows } = await sql<TableShape>`
    select c.relname as name,
      (select json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod)) order by a.attnum)
        from pg_attribute a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '') as columns,
      (select coalesce(json_agg(a.attname order by k.n), '[]')
        from pg_index i, unnest(i.indkey::int2[]) with ordinality as k (attnum, n), pg_attribute a
        where i.indrelid = c.oid and i.indisprimary and a.attrelid = c.oid and a.attnum = k.attnum) as "order"
    from pg_class c
    where c.relnamespace = current_schema()::regnamespace and c.relkind = 'r'
    order by c.relname collate "C"`.execute(db)
  const lost = rows.find(({ order }) => order.length === 0)
  if (lost !== undefined) throw new Error(`table ${lost.name} has no primary key, so it cannot be backed up`)
  return rows
}

/** Names of our sequences, but those that belong to a column: there are none of them. */
export async function sequenceNames(db: Db): Promise<readonly string[]> {
  const { rows } = await sql<{ name: string }>`
    select relname as name from pg_class
    where relnamespace = current_schema()::regnamespace and relkind = 'S' order by relname collate "C"`.execute(db)
  return rows.map(({ name }) => name)
}

/** A foreign key and the text that makes it again. */
export interface ForeignKey {
  readonly table: string
  readonly name: string
  readonly definition: string
}

/** Every foreign key of our schema. */
export async function foreignKeys(db: Db): Promise<readonly ForeignKey[]> {
  const { rows } = await sql<ForeignKey>`
    select c.relname as "table", k.conname as name, pg_get_constraintdef(k.oid) as definition
    from pg_constraint k join pg_class c on c.oid = k.conrelid
    where k.contype = 'f' and k.connamespace = current_schema()::regnamespace
    order by c.relname collate "C", k.conname collate "C"`.execute(db)
  return rows
}
