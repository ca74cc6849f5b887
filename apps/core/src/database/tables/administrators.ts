/**
 * Tables of administrators.
 * @module
 */

/** Columns as Kysely reads and writes them. */
export type AdministratorsTables = Record<never, never>
