/**
 * Operational messages, one JSON object a line on standard output (standard error for problems). No request data.
 * @module
 */

/** Values that may be logged: named fields, never whole errors, headers or bodies. */
export type LogFields = Readonly<Record<string, string | number | boolean | null | readonly string[] | object>>

/** `level` `problem` goes to standard error. */
export type Log = (level: 'info' | 'problem', event: string, fields?: LogFields) => void

/** Writes to the process's own streams. */
export function processLog(now: () => number): Log {
  return (level, event, fields = {}) => {
    const line = `${JSON.stringify({ event, time: new Date(now()).toISOString(), ...fields })}\n`
    if (level === 'problem') process.stderr.write(line)
    else process.stdout.write(line)
  }
}
