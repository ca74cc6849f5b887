/**
 * Sends the audit log to a syslog receiver: in order, each row at least once, by one of all Cores. What was not sent stays
 * in the table and goes out later.
 * @module
 */
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { SINGLETON_LOCKS, startSingleton } from '../../database/singleton.ts'
import type { Services } from '../services.ts'
import { auditPages, toEntry } from './read-audit.ts'
import { connectSyslog, type SyslogConnection } from './syslog-connection.ts'
import { syslogFrame } from './syslog-message.ts'
import {
  storedSyslog,
  readSyslogStatus,
  saveSyslogStatus,
  type StoredSyslog,
  type SyslogStatus,
} from './syslog-settings.ts'

/** How soon a new row is noticed. Milliseconds. */
const POLL_MS = 1_000
/** Between attempts after a failure. Milliseconds. */
const RETRY_MS = { first: 1_000, most: 10_000 } as const

/** Starts the job. Disposing ends it. */
export function startSyslog(services: Services): AsyncDisposable {
  const { db } = services.store
  const fault = (error: unknown): void =>
    services.log('problem', 'syslog-job', { name: error instanceof Error ? error.name : 'unknown' })
  return startSingleton(db, SINGLETON_LOCKS.syslog, (signal) => sendAll(services, signal), fault)
}

interface Line {
  readonly version: number
  readonly connection: SyslogConnection
}

async function sendAll(services: Services, signal: AbortSignal): Promise<void> {
  const { db } = services.store
  let line: Line | null = null
  let pause: number = RETRY_MS.first
  try {
    while (!signal.aborted) {
      const stored = await storedSyslog(db)
      const status = await readSyslogStatus(db)
      try {
        line = await lineFor(stored, line, signal)
        const sent = stored === null || line === null ? false : await sendSome(services, stored, status, line)
        pause = RETRY_MS.first
        if (!sent) await rest(POLL_MS, signal)
      } catch (error) {
        line?.connection[Symbol.dispose]()
        line = null
        if (hasEnded(signal)) return
        await tell(services, status, error)
        await rest(pause, signal)
        pause = Math.min(pause * 2, RETRY_MS.most)
      }
    }
  } finally {
    line?.connection[Symbol.dispose]()
  }
}

/** The connection of these settings; another one is closed. Null: nothing is to be sent. */
async function lineFor(stored: StoredSyslog | null, line: Line | null, signal: AbortSignal): Promise<Line | null> {
  const wanted = stored?.settings.enabled === true
  if (wanted && line !== null && line.version === stored.version && line.connection.alive) return line
  line?.connection[Symbol.dispose]()
  if (!wanted) return null
  return { version: stored.version, connection: await connectSyslog(stored.settings, signal) }
}

/** One page. Returns whether there was one. */
async function sendSome(
  services: Services,
  { settings }: StoredSyslog,
  status: SyslogStatus,
  { connection }: Line,
): Promise<boolean> {
  const { db } = services.store
  const { value: rows } = await auditPages(db, {}, status.seq).next()
  const last = rows?.at(-1)?.seq
  if (rows === undefined || last === undefined) {
    if (status.problem !== null) await saveSyslogStatus(db, status.seq, { ...status, problem: null, problemAt: null })
    return false
  }
  const name = hostname()
  await connection.send(Buffer.concat(rows.map((row) => syslogFrame(toEntry(row), settings.facility, name))))
  const sentAt = new Date(services.now()).toISOString()
  await saveSyslogStatus(db, status.seq, { seq: last, sentAt, problem: null, problemAt: null })
  return true
}

async function tell(services: Services, status: SyslogStatus, error: unknown): Promise<void> {
  const problem = error instanceof Error ? error.message : 'unknown fault'
  if (status.problem !== problem) services.log('problem', 'syslog-not-sent', { problem })
  const problemAt = new Date(services.now()).toISOString()
  await saveSyslogStatus(services.store.db, status.seq, { ...status, problem, problemAt })
}

/** A question anew: after a wait the answer may be another. */
function hasEnded(signal: AbortSignal): boolean {
  return signal.aborted
}

async function rest(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined) // woken by the end
}
