/**
 * `postern`: everything that the console can do, for the shell.
 * @module
 */
import { homedir } from 'node:os'
import { join } from 'node:path'
import { ENDPOINTS } from '@postern/contract/api/endpoints'
import { runCli } from './cli.ts'
import type { Surroundings } from './surroundings.ts'
import { askOn, readAll, sinkFor } from './terminal.ts'
import { CLI_VERSION } from './version.ts'

const { env, stdin, stdout, stderr } = process

const surroundings: Surroundings = {
  out: sinkFor(stdout),
  err: sinkFor(stderr),
  readInput: (maxBytes) => readAll(stdin, maxBytes),
  ask: (question, hidden) => askOn(stdin, stderr, question, hidden),
  now: Date.now,
  credentialsFile: join(setting('XDG_CONFIG_HOME') ?? join(homedir(), '.config'), 'postern', 'cli.json'),
  environment: { url: setting('POSTERN_URL'), token: setting('POSTERN_TOKEN'), ca: setting('POSTERN_CA') },
  version: CLI_VERSION,
}

stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))
if (env['NODE_TLS_REJECT_UNAUTHORIZED'] === '0') {
  stderr.write('NODE_TLS_REJECT_UNAUTHORIZED=0 switches certificate checks off; unset it\n')
  process.exit(2)
}
process.exitCode = await runCli(process.argv.slice(2), surroundings, ENDPOINTS)

function setting(name: string): string | null {
  const value = env[name]
  return value === undefined || value === '' ? null : value
}
