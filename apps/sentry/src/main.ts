/**
 * `postern-sentry --config FILE [--check]`, `postern-sentry --data DIR`, `postern-sentry enroll`
 * @module
 */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { processLog } from './config/log.ts'
import { ContractError } from '@postern/contract/problems'
import { loadSettings } from './config/settings.ts'
import { settingsDoubts } from './config/settings-doubts.ts'
import { enrollCommand } from './registration/enroll-command.ts'
import { claimDataFolder, processLives } from './registration/data-lock.ts'
import { withAddresses } from './registration/gateway-flags.ts'
import { readRegistration } from './registration/registration.ts'
import { startRegistered } from './supervisor/registered-supervisor.ts'
import { startSupervisor } from './supervisor/supervisor.ts'

const USAGE = `postern-sentry --config FILE [options]   works by a file
postern-sentry --data DIR [options]      works by what Core says, once it is registered
postern-sentry enroll --help             registers this machine with Core
  --check        check the configuration and every file it names, then exit; only with --config
  --core URL, --listen HOST:PORT, --local HOST:PORT  for this start instead of what was said at enroll; with --data
  --workers N    worker processes, 1 to 64; one for each core when left out
  --lab-speed N  divide every timeout by N, 1 to 10000; only with "lab": true
`
/** Core has ended our registration: starting again will not help before somebody enrols this machine anew. */
const EXIT_REVOKED = 78

const log = processLog(Date.now)

try {
  await run()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : 'unknown fault'}\n`)
  process.exit(1) // watchers and workers must not keep a failed start alive
}

async function run(): Promise<void> {
  if (process.env['NODE_TLS_REJECT_UNAUTHORIZED'] === '0') {
    throw new Error('NODE_TLS_REJECT_UNAUTHORIZED=0 switches certificate checks off; unset it')
  }
  if (process.argv[2] === 'enroll') {
    await enrollCommand(process.argv.slice(3), { readToken, write: (text) => process.stdout.write(text) })
    return
  }
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean' },
      config: { type: 'string' },
      data: { type: 'string' },
      core: { type: 'string' },
      listen: { type: 'string' },
      local: { type: 'string' },
      check: { type: 'boolean' },
      workers: { type: 'string' },
      'lab-speed': { type: 'string' },
    },
  })
  if (values.help === true) {
    process.stdout.write(USAGE)
    return
  }
  const workers = wholeNumber('--workers', values.workers, 64)
  const speed = wholeNumber('--lab-speed', values['lab-speed'], 10_000)
  if (values.data !== undefined) {
    if (values.config !== undefined) throw new Error('--config and --data exclude each other; give one of them')
    if (values.check === true) throw new Error('--check is for --config; Core checks what a registered Sentry gets')
    await runRegistered(whereAsked(values.data), values, workers, speed)
    return
  }
  if (values.config === undefined) throw new Error(USAGE)
  const configFile = whereAsked(values.config)
  const settings = await loadSettings(configFile)
  const { config } = settings
  if (speed !== null && !config.lab) throw new Error('--lab-speed needs "lab": true in the configuration')
  if (values.check === true) {
    const doubts = await settingsDoubts(settings, Date.now())
    if (doubts.length > 0) throw new ContractError('configuration', doubts)
    process.stdout.write(`${configFile}: good, with every file it names\n`)
    return
  }
  const asked = askedToStop() // before anything is started: a signal may come at any moment
  const supervisor = await startSupervisor(settings, { configFile, workers, speed: speed ?? 1, now: Date.now, log })
  process.on('SIGHUP', () => void supervisor.reload())
  await asked
  await supervisor[Symbol.asyncDispose]()
  process.exit(0)
}

async function runRegistered(
  dir: string,
  flags: Parameters<typeof withAddresses>[1],
  workers: number | null,
  speed: number | null,
): Promise<void> {
  const read = await readRegistration(dir)
  const claim = await claimDataFolder(dir, process.pid, processLives)
  const registration = { ...read, gateway: withAddresses(read.gateway, flags) }
  if (speed !== null && registration.gateway.lab !== true) {
    throw new Error('--lab-speed needs a machine that was enrolled with --lab')
  }
  const asked = askedToStop()
  const ports = { now: Date.now, random: Math.random, log }
  const supervisor = await startRegistered(registration, { workers, speed: speed ?? 1, ...ports })
  process.on('SIGHUP', () => {
    supervisor.reopen()
  })
  process.on('disconnect', () => process.kill(process.pid, 'SIGTERM')) // whoever started us is gone
  const ended = await Promise.race([asked, supervisor.ended.then(() => EXIT_REVOKED)])
  await supervisor[Symbol.asyncDispose]()
  await claim[Symbol.asyncDispose]()
  process.exit(ended ?? 0)
}

/** A token is short; whatever is piped in beside it is not one. */
async function readToken(): Promise<string> {
  let text = ''
  for await (const part of process.stdin.setEncoding('utf8') as AsyncIterable<string>) {
    text += part
    if (text.length > 8_192) break
  }
  return text
}

/** Resolves at the first SIGINT or SIGTERM; a SIGINT after that ends the process at once. */
function askedToStop(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  let asked = false
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (asked && signal === 'SIGINT') process.exit(1)
      asked = true
      resolve(undefined)
    })
  }
  return promise
}

/** `npm start -w` runs in the workspace's folder; a relative name was meant where the command was typed. */
function whereAsked(name: string): string {
  const typedIn = process.env['INIT_CWD']
  if (existsSync(resolve(name)) || typedIn === undefined) return resolve(name)
  return resolve(typedIn, name)
}

function wholeNumber(option: string, text: string | undefined, most: number): number | null {
  if (text === undefined) return null
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1 || value > most)
    throw new Error(`${option} must be a whole number from 1 to ${most}`)
  return value
}
