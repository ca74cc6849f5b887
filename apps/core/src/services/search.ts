/**
 * The search box of lists: words, each of which must be somewhere in a row's text.
 * @module
 */
import { type Expression, type RawBuilder, sql } from 'kysely'

/** Words that are looked at; more make no list clearer. */
const MAX_WORDS = 8
/** Characters that the index knows together. */
const TRIGRAM = 3

/**
 * A condition on a lower-case column whose texts each follow a space. Shorter words than trigrams count only where a word
 * begins: anywhere else no index could find them.
 */
export function containsWords(column: Expression<unknown>, search: string): RawBuilder<boolean> {
  const words = search.split(/\s+/).filter((word) => word !== '')
  const conditions = words.slice(0, MAX_WORDS).map((word) => sql`${column} like lower(${patternOf(word)})`)
  return conditions.length === 0 ? sql<boolean>`true` : sql<boolean>`(${sql.join(conditions, sql` and `)})`
}

function patternOf(word: string): string {
  return `${[...word].length < TRIGRAM ? '% ' : '%'}${escaped(word)}%`
}

function escaped(word: string): string {
  return word.replace(/[\\%_]/g, (sign) => `\\${sign}`)
}
