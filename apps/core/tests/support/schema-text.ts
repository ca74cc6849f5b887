/**
 * What a database's catalog holds, as text: to compare a fresh database with a migrated one, and both with what was
 * released.
 * @module
 */
import { sql } from 'kysely'
import type { Db } from '../../src/database/connect.ts'
import type { Migration } from '../../src/database/migrations.ts'

// Of what an extension made, only the extension is told.
const OURS = sql`not exists (select from pg_depend d where d.deptype = 'e' and d.objid = o.oid)`
const HERE = sql`current_schema()::regnamespace`

const SECTIONS = {
  extensions: sql`select extname as line from pg_extension where extname <> 'plpgsql'`,
  columns: sql`
    select o.relname || '.' || lpad(a.attnum::text, 3, '0') || ' ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
      || case when a.attnotnull then ' not null' else '' end
      || case when a.attidentity <> '' then ' identity ' || a.attidentity::text else '' end
      || case when c.collname is null or c.collname = 'default' then '' else ' collate ' || c.collname end
      || coalesce(case when a.attgenerated <> '' then ' generated ' else ' default ' end || pg_get_expr(d.adbin, d.adrelid), '')
      as line
    from pg_class o join pg_attribute a on a.attrelid = o.oid and a.attnum > 0 and not a.attisdropped
    left join pg_attrdef d on d.adrelid = o.oid and d.adnum = a.attnum
    left join pg_collation c on c.oid = a.attcollation
    where o.relnamespace = ${HERE} and o.relkind in ('r', 'p', 'v', 'm') and ${OURS}`,
  constraints: sql`
    select o.conrelid::regclass || ' ' || o.conname || ': ' || pg_get_constraintdef(o.oid) as line
    from pg_constraint o where o.connamespace = ${HERE} and o.conrelid <> 0 and o.contype <> 'n'`,
  indexes: sql`
    select pg_get_indexdef(i.indexrelid) as line
    from pg_index i join pg_class o on o.oid = i.indexrelid where o.relnamespace = ${HERE} and ${OURS}`,
  sequences: sql`
    select sequencename || ' ' || data_type || ' from ' || start_value || ' by ' || increment_by as line
    from pg_sequences where schemaname = current_schema()`,
  triggers: sql`
    select pg_get_triggerdef(t.oid) as line
    from pg_trigger t join pg_class o on o.oid = t.tgrelid where o.relnamespace = ${HERE} and not t.tgisinternal`,
  functions: sql`
    select pg_get_functiondef(o.oid) as line from pg_proc o where o.pronamespace = ${HERE} and o.prokind in ('f', 'p') and ${OURS}`,
  views: sql`
    select o.relname || ': ' || pg_get_viewdef(o.oid) as line
    from pg_class o where o.relnamespace = ${HERE} and o.relkind in ('v', 'm') and ${OURS}`,
  rows: sql`
    select o.relname || ' has rows' as line from pg_class o where o.relnamespace = ${HERE} and o.relkind = 'r'
      and (xpath('/row/n/text()', query_to_xml(format('select count(*) as n from %I', o.relname), true, true, '')))[1]::text <> '0'`,
} as const

/** Sections with their sorted lines. */
export async function schemaText(db: Db): Promise<string> {
  const parts: string[] = []
  for (const [title, query] of Object.entries(SECTIONS)) {
    const { rows } = await sql<{ line: string }>`${query}`.execute(db)
    parts.push(`== ${title}`, ...rows.map(({ line }) => line.trim()).sort(), '')
  }
  return parts.join('\n')
}

/** File of each migration that a release may have carried out somewhere, as `sha256sum` writes it. */
export function checksumsText(migrations: readonly Migration[]): string {
  return migrations.map(({ name, sha256 }) => `${sha256}  ${name}\n`).join('')
}

/** Head of the committed file. */
export const SCHEMA_HEAD = `# The catalog of a database with every migration; a test compares. After adding a migration, write it anew:
# node apps/core/tests/support/write-schema.ts
`
