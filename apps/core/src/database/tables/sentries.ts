/**
 * Tables of sentries.
 * @module
 */

/** Columns as Kysely reads and writes them. */
export type SentriesTables = Record<never, never>
