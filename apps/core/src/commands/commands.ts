/**
 * Commands of `postern-core` that work without any listener: on the database itself, while no Core runs on it.
 * @module
 */
import { resolve } from 'node:path'
import type { CoreCommand } from '../config/arguments.ts'
import type { CoreConfig } from '../config/core-config.ts'
import { keysFolderOf, openServices, openTarget } from '../core.ts'
import { openDatabase } from '../database/connect.ts'
import { readMigrations } from '../database/migrations.ts'
import { checkReachable } from '../database/reachable.ts'
import { openKeyRing } from '../secrets/key-ring.ts'
import { verifyAudit } from '../services/audit/read-audit.ts'
import { checkBackup, restoreBackup } from '../services/backup/restore-backup.ts'
import type { Log } from '../services/services.ts'

/** The process around a command. `say`: a line for the person who typed it. */
export interface CommandPorts {
  readonly folder: string
  readonly log: Log
  readonly now: () => number
  readonly say: (line: string) => void
}

/**
 * Runs a command. Returns the exit code: 0, or 2 when the work was done and the audit log does not verify.
 * @throws Error, each in one line, when nothing was done
 */
export async function runCommand(config: CoreConfig, command: CoreCommand, ports: CommandPorts): Promise<0 | 2> {
  switch (command.name) {
    case 'restore':
      return restore(config, command.file, ports)
    case 'verify-audit':
      return verify(config, ports)
    default:
      return command satisfies never
  }
}

async function restore(config: CoreConfig, file: string, ports: CommandPorts): Promise<0 | 2> {
  await using owned = new AsyncDisposableStack()
  const { folder, log, now, say } = ports
  const data = resolve(folder, config.data)
  const keys = await openKeyRing(keysFolderOf(config, folder), false)
  const migrations = await readMigrations()
  const { createdAt } = await checkBackup(file, keys, migrations) // before a database is even made
  say(`The backup of ${createdAt} is whole and belongs to these keys.`)
  const target = await openTarget(config, data, log, owned)
  const { db } = owned.use(openDatabase(target, (error) => log('problem', 'database-connection', { name: error.name })))
  await checkReachable(db, target)
  const { rows, tables, secrets, audit } = await restoreBackup({ db, keys, migrations, now }, file)
  say(`Restored ${rows} rows of ${tables} tables; all ${secrets} secrets open.`)
  say('Everybody signs in again, and every Sentry takes everything anew.')
  return tellVerdict(audit, say)
}

async function verify(config: CoreConfig, ports: CommandPorts): Promise<0 | 2> {
  await using owned = new AsyncDisposableStack()
  const { store, keys } = await openServices(config, ports, owned)
  return tellVerdict(await verifyAudit(store.db, keys.auditKey, null), ports.say)
}

function tellVerdict({ ok, rows, problem }: Awaited<ReturnType<typeof verifyAudit>>, say: CommandPorts['say']): 0 | 2 {
  if (ok) {
    say(`The audit log is whole: ${rows} rows.`)
    return 0
  }
  say(
    `The audit log is NOT whole (${rows} rows read): ${problem?.kind ?? ''} at row ${problem?.seq ?? 0}: ${problem?.message ?? ''}`,
  )
  return 2
}
