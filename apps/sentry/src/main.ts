/**
 * `postern-sentry --config FILE [--check] [--workers N] [--lab-speed N]`
 * @module
 */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { processLog } from './config/log.ts'
import { ContractError } from '@postern/contract/problems'
import { loadSettings } from './config/settings.ts'
import { settingsDoubts } from './config/settings-doubts.ts'
import { startSupervisor } from './supervisor/supervisor.ts'

const USAGE = `postern-sentry --config FILE [options]
  --check        check the configuration and every file it names, then exit
  --workers N    worker processes, 1 to 64; one for each core when left out
  --lab-speed N  divide every timeout by N, 1 to 10000; only with "lab": true
`

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
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean' },
      config: { type: 'string' },
      check: { type: 'boolean' },
      workers: { type: 'string' },
      'lab-speed': { type: 'string' },
    },
  })
  if (values.help === true) {
    process.stdout.write(USAGE)
    return
  }
  if (values.config === undefined) throw new Error(USAGE)
  const configFile = whereAsked(values.config)
  const workers = wholeNumber('--workers', values.workers, 64)
  const speed = wholeNumber('--lab-speed', values['lab-speed'], 10_000)
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
