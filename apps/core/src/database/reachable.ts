/**
 * The first question to a database: whether it is there, lets us in, and can do what is needed. What is wrong is said in
 * one line, and never with the password.
 * @module
 */
import { sql } from 'kysely'
import { CoreError } from '../failure.ts'
import type { ConnectionTarget, Db } from './connect.ts'
import { sqlState } from './sql-error.ts'

/** Oldest PostgreSQL that the migrations and tests know. */
const OLDEST_MAJOR = 15

/** @throws CoreError UNAVAILABLE naming the setting, the fault and the remedy */
export async function checkReachable(db: Db, target: ConnectionTarget): Promise<void> {
  const { rows } = await sql<{ number: string; encoding: string }>`
    select current_setting('server_version_num') as number, current_setting('server_encoding') as encoding`
    .execute(db)
    .catch((error: unknown) => {
      throw unreachable(error, target)
    })
  const [row] = rows
  const major = Math.floor(Number(row?.number) / 10_000)
  if (major < OLDEST_MAJOR) {
    throw new CoreError('UNAVAILABLE', `database.url: PostgreSQL ${major} is too old; use ${OLDEST_MAJOR} or newer`)
  }
  if (row?.encoding !== 'UTF8') {
    throw new CoreError('UNAVAILABLE', `database.url: the database's encoding is ${row?.encoding}; make one with UTF8`)
  }
}

/** Codes of node:net and classes of PostgreSQL, with what to do about each. */
const REMEDIES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there; start PostgreSQL or mend host and port',
  ENOTFOUND: 'there is no such host; mend its name',
  EAI_AGAIN: 'the host name cannot be looked up now; try again or use an address',
  EHOSTUNREACH: 'there is no way to that host',
  ETIMEDOUT: 'no answer; mend host and port, or let the firewall pass',
  ENOENT: 'there is no such socket; start PostgreSQL or mend the folder',
  EACCES: 'the socket may not be used by the user that Core runs as',
  '28P01': 'the user or its password is wrong',
  '28000': 'PostgreSQL does not let this user in from here; see its pg_hba.conf',
  '3D000': 'there is no such database; create it',
  '42501': "the user lacks rights; make it the database's owner",
  '53300': 'PostgreSQL has no connection left; raise max_connections',
  '57P03': 'PostgreSQL is starting or stopping; try again',
}

function unreachable(error: unknown, target: ConnectionTarget): CoreError {
  const inner = error instanceof AggregateError ? (error.errors[0] as unknown) : error
  const state = sqlState(inner)
  const said = inner instanceof Error && state === '' ? inner.message : state
  const remedy = REMEDIES[state] ?? `it said ${said === '' ? 'nothing' : said}; mend database.url`
  return new CoreError('UNAVAILABLE', `database ${placeOf(target)} cannot be used: ${remedy}`, { cause: error })
}

/** Without user and password. */
function placeOf(target: ConnectionTarget): string {
  if (!('url' in target)) return `${target.host ?? 'localhost'}:${target.port ?? ''}`
  if (!URL.canParse(target.url)) return '(database.url)'
  const { host, pathname } = new URL(target.url)
  return `${host}${pathname}`
}
