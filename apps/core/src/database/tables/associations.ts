/**
 * Tables of associations.
 * @module
 */

/** Columns as Kysely reads and writes them. */
export type AssociationsTables = Record<never, never>
