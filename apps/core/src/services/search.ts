/**
 * The search box of lists: words, each of which must be somewhere in a row's text.
 * @module
 */
import { type Expression, type RawBuilder, sql } from 'kysely'

/** Words that are looked at; more make no list clearer. */
const MAX_WORDS = 8

/** A condition on a lower-case column; it uses a trigram index for words of 3 characters and more. */
export function containsWords(column: Expression<unknown>, search: string): RawBuilder<boolean> {
  const words = search.split(/\s+/).filter((word) => word !== '')
  const conditions = words.slice(0, MAX_WORDS).map((word) => sql`${column} like lower(${`%${escaped(word)}%`})`)
  return conditions.length === 0 ? sql<boolean>`true` : sql<boolean>`(${sql.join(conditions, sql` and `)})`
}

function escaped(word: string): string {
  return word.replace(/[\\%_]/g, (sign) => `\\${sign}`)
}
