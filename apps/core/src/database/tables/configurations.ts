/**
 * Tables of configurations.
 * @module
 */

/** Columns as Kysely reads and writes them. */
export type ConfigurationsTables = Record<never, never>
