/**
 * `postern-core [restore FILE | verify-audit] [--config FILE] [--data DIR] [--ports-from N] [--setup-json]`
 * @module
 */
import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { readJsonFile } from '@postern/runtime/json-file'
import { runCommand } from './commands/commands.ts'
import { parseArguments, USAGE, withArguments } from './config/arguments.ts'
import { parseCoreConfig } from './config/core-config.ts'
import { startCore } from './core.ts'
import type { Log } from './services/services.ts'

const log: Log = (level, event, fields = {}) => {
  const line = `${JSON.stringify({ event, time: new Date().toISOString(), ...fields })}\n`
  if (level === 'problem') process.stderr.write(line)
  else process.stdout.write(line)
}

try {
  await run()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : 'unknown fault'}\n`)
  process.exit(1)
}

async function run(): Promise<void> {
  if (process.env['NODE_TLS_REJECT_UNAUTHORIZED'] === '0') {
    throw new Error('NODE_TLS_REJECT_UNAUTHORIZED=0 switches certificate checks off; unset it')
  }
  const args = parseArguments(process.argv.slice(2))
  if (args.help) {
    process.stdout.write(USAGE)
    return
  }
  const configFile = args.configFile === null ? null : whereAsked(args.configFile)
  const config = withArguments(parseCoreConfig(configFile === null ? {} : await readJsonFile(configFile)), args)
  // Names in the file refer to its folder; --data, typed by a person, to where it was typed.
  const data = args.data === null ? config.data : whereAsked(args.data)
  const folder = configFile === null ? typedIn() : dirname(configFile)
  if (args.command !== null) {
    const say = (line: string): void => void process.stdout.write(`${line}\n`)
    const { command } = args
    const placed = command.name === 'restore' ? { ...command, file: whereAsked(command.file) } : command
    process.exit(await runCommand({ ...config, data }, placed, { folder, log, now: Date.now, say }))
  }
  const { promise: asked, resolve: stop } = Promise.withResolvers<undefined>()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop(undefined))
  const core = await startCore({ ...config, data }, { folder, log, now: Date.now, localSentry: args.localSentry })
  const { ports, adminUrl, setupUrl, localSentryToken } = core
  log('info', 'listening', { admin: adminUrl, device: ports.device, feed: ports.feed })
  if (args.localSentry) {
    process.send?.({ event: 'ready', setupUrl, adminUrl, ports, localSentryToken })
    process.on('disconnect', () => stop(undefined)) // whoever started us is gone
  } else if (args.setupJson) process.stdout.write(`${JSON.stringify({ setupUrl, adminUrl, ports })}\n`)
  else if (setupUrl !== null)
    process.stdout.write(`Set up: ${setupUrl}\nTake it with: npx postern set-up '${setupUrl}'\n`)
  await asked
  await core[Symbol.asyncDispose]()
  log('info', 'stopped', {})
  process.exit(0)
}

/** `npm start -w` runs in the workspace's folder; a relative name was meant where the command was typed. */
function typedIn(): string {
  return process.env['INIT_CWD'] ?? process.cwd()
}

function whereAsked(name: string): string {
  return existsSync(resolve(name)) ? resolve(name) : resolve(typedIn(), name)
}
