/**
 * What can go wrong with the PostgreSQL that this product brings along, as a closed set of codes.
 * @module
 */

/**
 * - `NO_BINARIES`: npm installed no PostgreSQL for this platform.
 * - `BINARIES_UNUSABLE`: it is installed, but cannot be run here.
 * - `DATA_FOREIGN`: the data directory holds something else.
 * - `DATA_VERSION`: the data directory belongs to another major version.
 * - `DATA_UNREACHABLE`: this process may not read or make the data directory.
 * - `IN_USE`: another living PostgreSQL serves the data directory.
 * - `INIT_FAILED`, `START_FAILED`: initdb or postgres said no; its own words are in the message.
 */
export type PostgresErrorCode =
  | 'NO_BINARIES'
  | 'BINARIES_UNUSABLE'
  | 'DATA_FOREIGN'
  | 'DATA_VERSION'
  | 'DATA_UNREACHABLE'
  | 'IN_USE'
  | 'INIT_FAILED'
  | 'START_FAILED'

/** The message names the directory or file, the rule it broke, and what to do. */
export class PostgresError extends Error {
  override name = 'PostgresError'
  readonly code: PostgresErrorCode
  constructor(code: PostgresErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** The remedy that always remains. */
export const ELSE_EXTERNAL = 'or run a PostgreSQL of your own and name it in database.url'

/** `ENOENT`, `EACCES` and so on of an error of node:fs; empty for anything else. */
export function systemCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}
