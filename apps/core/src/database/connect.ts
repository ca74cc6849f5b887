/**
 * The connection pool, and the query builder on it.
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Kysely, PostgresDialect } from 'kysely'
import { type ClientConfig, Pool, type PoolClient, types } from 'pg'
import type { Tables } from './tables.ts'

/** Whatever reads: the pool itself, or a transaction. */
export type Db = Kysely<Tables>

/** Connections of one Core process at most; the listening one is beside them. */
const POOL_SIZE = 16
/** A query that takes longer is ended: nothing in a control plane may. Milliseconds. */
const STATEMENT_MS = 60_000
/** Without a free connection for so long the database counts as away. Milliseconds. */
const CONNECT_MS = 10_000
/** Connections that are closing get so long to say good-bye. Milliseconds. */
const GOODBYE_MS = 2_000

const INT8: number = types.builtins.INT8

/** As the server numbers types, which are more than the library has names for. */
const parserOf = types.getTypeParser as (oid: number, format?: 'text' | 'binary') => (text: string) => unknown

/** How to reach PostgreSQL: a URL, or the parts of an embedded server's socket. */
export type ConnectionTarget =
  { readonly url: string } | Readonly<Pick<ClientConfig, 'host' | 'port' | 'user' | 'database' | 'password'>>

/** Options for `pg`. Whole numbers of 8 bytes are read as numbers: none of ours goes beyond 2^53. */
export function clientConfig(target: ConnectionTarget): ClientConfig {
  const where = 'url' in target ? { connectionString: target.url } : target
  return {
    ...where,
    application_name: 'postern-core',
    types: {
      getTypeParser: (oid: number, format?: 'text' | 'binary') =>
        oid === INT8 && format !== 'binary' ? Number : parserOf(oid, format),
    },
  }
}

/** An open pool. Disposing it closes every connection. */
export interface Database extends AsyncDisposable {
  readonly db: Db
  readonly target: ConnectionTarget
}

/** Opens the pool; connections are made when needed. `fault` hears of idle connections that broke. */
export function openDatabase(target: ConnectionTarget, fault: (error: Error) => void): Database {
  const pool = new Pool({
    ...clientConfig(target),
    max: POOL_SIZE,
    connectionTimeoutMillis: CONNECT_MS,
    statement_timeout: STATEMENT_MS,
    idle_in_transaction_session_timeout: STATEMENT_MS,
  })
  pool.on('error', fault)
  // A connection in use that breaks fails its query; without a listener of its own it would end the whole process too.
  pool.on('connect', (client) => void client.on('error', () => undefined))
  const open = new Set<PoolClient>()
  pool.on('connect', (client) => void open.add(client)).on('remove', (client) => void open.delete(client))
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })
  return {
    db,
    target,
    [Symbol.asyncDispose]: async () => {
      await db.destroy()
      // The pool counts a connection as gone when it has said good-bye; a server of ours must not end before it heard it.
      const deadline = performance.now() + GOODBYE_MS
      while (open.size > 0 && performance.now() < deadline) await sleep(5)
    },
  }
}
