/**
 * What errors of the database mean.
 * @module
 */

/** PostgreSQL's error class, such as `23505`, or Node's code; empty for what has none. */
export function sqlState(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}

/** Connection failures, a server that stops or starts, no connection left. */
const AWAY = /^(08...|57P0[123]|53300)$/

/** `pg` has these without any code. */
const AWAY_TEXTS: ReadonlySet<string> = new Set([
  'Connection terminated',
  'Connection terminated unexpectedly',
  'Connection terminated due to connection timeout',
  'Client has encountered a connection error and is not queryable',
  'timeout exceeded when trying to connect',
])

/** Whether the database is away for now: the same may work a moment later. */
export function isDatabaseAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (error instanceof AggregateError) return error.errors.some(isDatabaseAway)
  if (AWAY.test(sqlState(error)) || AWAY_TEXTS.has(error.message)) return true
  const { code, syscall } = error as NodeJS.ErrnoException
  return (
    syscall === 'connect' || (syscall === 'read' && code === 'ECONNRESET') || (syscall === 'write' && code === 'EPIPE')
  )
}
