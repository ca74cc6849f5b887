/**
 * Tables of directory.
 * @module
 */

/** Columns as Kysely reads and writes them. */
export type DirectoryTables = Record<never, never>
