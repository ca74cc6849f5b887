/**
 * `npm start`: Core and one Sentry on this machine, with the embedded database under `./data`.
 * @module
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { choosePorts, parseArguments, type Ports, type StartArguments, USAGE } from './arguments.ts'
import { coreReady, type CoreReady, enrolSentry, spawnCore, spawnSentry, stopProgram } from './programs.ts'

/** A Sentry drains held requests; longer than its own limit. Milliseconds. */
const SENTRY_STOP_MS = 45_000
const CORE_STOP_MS = 20_000
/** A Sentry that ended is started again after this, doubled each time up to the limit. Milliseconds. */
const RESTART_MS = 500
const RESTART_LIMIT_MS = 10_000

const asked = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => asked.abort())

try {
  await run(parseArguments(process.argv.slice(2)))
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : 'unknown fault'}\n`)
  process.exitCode = 1
}
process.exit()

async function run(args: StartArguments): Promise<void> {
  if (args.help) {
    process.stdout.write(USAGE)
    return
  }
  // `npm start` runs in the project's folder wherever it was typed.
  const data = resolve(process.env['INIT_CWD'] ?? process.cwd(), args.data)
  const ports = await choosePorts(args.portsFrom)
  const core = spawnCore(await writeCoreConfig(data, ports, args.host))
  core.once('exit', () => asked.abort()) // without Core there is nothing to manage with
  try {
    const ready = await coreReady(core)
    const sentry = join(data, 'sentry')
    if (ready.localSentryToken !== null) await enrolSentry(sentry, ready, args, ports)
    tell(args, ready, ports)
    await keepSentry(sentry, ready, args, ports)
    if (core.exitCode !== null) throw new Error(`Core ended with ${core.exitCode}; see its message above`)
  } finally {
    await stopProgram(core, CORE_STOP_MS)
  }
}

/** The ports of this start; everything else has Core's defaults. */
async function writeCoreConfig(data: string, ports: Ports, host: string): Promise<string> {
  await mkdir(data, { recursive: true, mode: 0o711 }) // the database's own user must be able to pass through
  const file = join(data, 'core.json')
  const config = {
    data: '.',
    admin: { port: ports.admin },
    device: { host, port: ports.device },
    feed: { host, port: ports.feed },
  }
  await writeFile(file, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 })
  return file
}

function tell({ setupJson }: StartArguments, { setupUrl, adminUrl }: CoreReady, ports: Ports): void {
  if (setupJson) process.stdout.write(`${JSON.stringify({ setupUrl, adminUrl, ports })}\n`)
  else if (setupUrl !== null)
    process.stdout.write(`Set up: ${setupUrl}\nTake it with: npx postern set-up '${setupUrl}'\n`)
  else process.stdout.write(`Console and API: ${adminUrl}\n`)
}

/** Runs the Sentry until asked to stop; one that ends by itself is started again. */
async function keepSentry(folder: string, ready: CoreReady, args: StartArguments, ports: Ports): Promise<void> {
  let wait = RESTART_MS
  const over = (): boolean => asked.signal.aborted
  while (!over()) {
    const sentry = spawnSentry(folder, ready, args, ports)
    const ended = new Promise<void>((done) => sentry.once('exit', () => done()))
    const stop = new Promise<void>((done) => asked.signal.addEventListener('abort', () => done(), { once: true }))
    await Promise.race([ended, stop])
    await stopProgram(sentry, SENTRY_STOP_MS)
    if (over()) return
    process.stderr.write(`the Sentry ended; it is started again in ${wait} ms\n`)
    await delay(wait, undefined, { signal: asked.signal }).catch(() => undefined)
    wait = Math.min(RESTART_LIMIT_MS, wait * 2)
  }
}
