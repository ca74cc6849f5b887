/**
 * The two programs as child processes, and the one moment in which they are made known to each other.
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Ports, StartArguments } from './arguments.ts'

const CORE = fileURLToPath(new URL('../../core/bin/postern-core.mjs', import.meta.url))
const SENTRY = fileURLToPath(new URL('../../sentry/bin/postern-sentry.mjs', import.meta.url))

/** What Core says over its channel when it listens. */
export interface CoreReady {
  readonly event: 'ready'
  readonly setupUrl: string | null
  readonly adminUrl: string
  readonly ports: Pick<Ports, 'admin' | 'device' | 'feed'>
  /** Null: the Sentry beside it is registered already. */
  readonly localSentryToken: string | null
}

/** Starts Core. A channel joins the two: when we are gone, Core stops. `configFile` holds ports and data folder. */
export function spawnCore(configFile: string): ChildProcess {
  const args = [CORE, '--config', configFile, '--local-sentry']
  return spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
}

/** Waits for Core. @throws Error when it ends before that; what was wrong it has said itself. */
export async function coreReady(core: ChildProcess): Promise<CoreReady> {
  const ended = once(core, 'exit').then(([code]) => {
    throw new Error(`Core ended with ${String(code)} before it listened; see its message above`)
  })
  const [ready] = (await Promise.race([once(core, 'message'), ended])) as [CoreReady]
  return ready
}

/** Registers the Sentry of this machine. The token goes through a pipe: arguments can be read by others. */
export async function enrolSentry(
  folder: string,
  core: CoreReady,
  { host }: StartArguments,
  ports: Ports,
): Promise<void> {
  const args = ['enroll', '--core', coreUrl(core), '--token', '-', '--data', folder, '--replace']
  const child = spawn(process.execPath, [SENTRY, ...args, ...addresses(host, ports)], {
    stdio: ['pipe', 'inherit', 'inherit'],
  })
  child.stdin.end(`${core.localSentryToken ?? ''}\n`)
  const [code] = (await once(child, 'exit')) as [number | null]
  if (code !== 0) throw new Error('the Sentry of this machine could not be registered; see its message above')
}

/** Starts the Sentry from its data directory, on the ports of this start. */
export function spawnSentry(
  folder: string,
  core: CoreReady,
  { host, workers }: StartArguments,
  ports: Ports,
): ChildProcess {
  const more = workers === null ? [] : ['--workers', workers]
  const args = [SENTRY, '--data', folder, '--core', coreUrl(core), ...addresses(host, ports), ...more]
  return spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
}

function coreUrl({ ports }: CoreReady): string {
  return `https://127.0.0.1:${ports.feed}`
}

function addresses(host: string, ports: Ports): string[] {
  return [
    '--listen',
    `${host.includes(':') ? `[${host}]` : host}:${ports.sentry}`,
    '--local',
    `127.0.0.1:${ports.metrics}`,
  ]
}

/** Asks a program to stop and waits; kills it when it takes longer than `limitMs`. */
export async function stopProgram(child: ChildProcess, limitMs: number): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), limitMs)
  await gone
  clearTimeout(timer)
}
