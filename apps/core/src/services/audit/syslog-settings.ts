/**
 * Where the audit log is sent, and how far sending has come. Both live in `core_state`.
 * @module
 */
import { X509Certificate } from 'node:crypto'
import { sql } from 'kysely'
import { type Syslog, SyslogSettings } from '@postern/contract/api/audit'
import { parseDocument } from '@postern/contract/problems'
import { isLoopback } from '../../config/core-config.ts'
import type { Db } from '../../database/connect.ts'
import type { Change } from '../../database/store.ts'
import { CoreError, invalid } from '../../failure.ts'
import { addressProblem } from './destination.ts'

const SETTINGS = 'audit-syslog'
const STATUS = 'audit-syslog-status'

/** Settings with the number of their last change. */
export interface StoredSyslog {
  readonly settings: SyslogSettings
  readonly version: number
}

/** `seq`: the last row that went out. Times: ISO 8601. */
export interface SyslogStatus {
  readonly seq: number
  readonly sentAt: string | null
  readonly problem: string | null
  readonly problemAt: string | null
}

/** Null: never set. */
export async function storedSyslog(db: Db): Promise<StoredSyslog | null> {
  const stored = await stateOf(db, SETTINGS)
  if (stored === null) return null
  const { version, ...settings } = stored as Record<string, unknown> // written below
  return {
    settings: parseDocument('stored syslog settings', SyslogSettings, settings, []),
    version: Number(version),
  }
}

/** How far sending has come. */
export async function readSyslogStatus(db: Db): Promise<SyslogStatus> {
  const stored = (await stateOf(db, STATUS)) as SyslogStatus | null // written below
  return stored ?? { seq: 0, sentAt: null, problem: null, problemAt: null }
}

/**
 * Writes the status, unless somebody set the number back meanwhile (`resendFrom`): then that stands. `from`: the number
 * that was read before. Returns whether it was written.
 */
export async function saveSyslogStatus(db: Db, from: number, status: SyslogStatus): Promise<boolean> {
  const value = JSON.stringify(status)
  const { numAffectedRows } = await sql`
    insert into core_state (name, value) values (${STATUS}, ${value})
    on conflict (name) do update set value = excluded.value
    where (core_state.value ->> 'seq')::bigint = ${from}`.execute(db)
  return numAffectedRows === 1n
}

/** For the API. */
export async function readSyslog(db: Db): Promise<Syslog> {
  const stored = await storedSyslog(db)
  const { seq, sentAt, problem, problemAt } = await readSyslogStatus(db)
  const head = await db.selectFrom('audit_head').select('seq').executeTakeFirstOrThrow()
  const status = { sentSeq: seq, waiting: Math.max(0, head.seq - seq), sentAt, problem, problemAt }
  return { settings: stored?.settings ?? null, version: stored?.version ?? 0, status }
}

/** @throws CoreError INVALID naming the field; CHANGED when `version` is not the present one (0: never set) */
export async function updateSyslog(
  change: Change,
  { resendFrom, ...settings }: SyslogSettings & { readonly resendFrom?: number },
  version: number | null,
): Promise<void> {
  checkSettings(settings)
  await sql`insert into core_state (name, value) values (${SETTINGS}, 'null') on conflict do nothing`.execute(change.tx)
  await sql`select 1 from core_state where name = ${SETTINGS} for update`.execute(change.tx)
  const stored = await storedSyslog(change.tx)
  const present = stored?.version ?? 0
  if (version !== present) {
    throw new CoreError('CHANGED', `the settings are at version ${present} now; read them again and repeat the change`)
  }
  const value = JSON.stringify({ ...settings, version: present + 1 })
  await change.tx.updateTable('core_state').set({ value }).where('name', '=', SETTINGS).execute()
  if (resendFrom !== undefined) {
    const from = await readSyslogStatus(change.tx)
    await saveSyslogStatus(change.tx, from.seq, { ...from, seq: resendFrom - 1 })
  }
  change.audit({
    action: 'audit-syslog.update',
    object: { kind: 'audit-syslog' },
    before: stored?.settings ?? null,
    after: { ...settings, ...(resendFrom === undefined ? {} : { resendFrom }) },
  })
}

function checkSettings({ host, tls, plainOverNetwork, caPem }: SyslogSettings): void {
  const problem = addressProblem(host)
  if (problem !== null) throw invalid('host', problem)
  if (!tls && !plainOverNetwork && !isLoopback(host)) {
    throw invalid(
      'tls',
      'plain TCP to another machine shows the audit log to the network; use TLS, or set plainOverNetwork',
    )
  }
  if (caPem !== null) checkCertificates(caPem)
}

function checkCertificates(pem: string): void {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  if (blocks.length === 0)
    throw invalid('caPem', 'holds no certificate; paste it with its BEGIN and END lines, or null')
  for (const [i, block] of blocks.entries()) {
    try {
      new X509Certificate(block)
    } catch {
      throw invalid('caPem', `certificate ${i + 1} cannot be read; paste it again`)
    }
  }
}

async function stateOf(db: Db, name: string): Promise<unknown> {
  const row = await db.selectFrom('core_state').select('value').where('name', '=', name).executeTakeFirst()
  return row?.value ?? null
}
