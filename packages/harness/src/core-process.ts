/**
 * A Core as its operator starts it: an own process, a configuration file, a data directory.
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/** A Core that listens. It must be stopped: `stop()`, `kill()` or `await using`. */
export interface CoreProcess extends AsyncDisposable {
  readonly pid: number
  readonly adminUrl: string
  /** Where Sentries dial. */
  readonly feedUrl: string
  readonly ports: { readonly admin: number; readonly device: number; readonly feed: number }
  /** One-time link for the first administrator; null when there is one. */
  readonly setupUrl: string | null
  /** Fulfilled with the exit code (null after a signal) when the process is gone. */
  readonly exited: Promise<number | null>
  stdout(): string
  stderr(): string
  /** SIGKILL, and waits until the process is gone. */
  kill(): Promise<void>
  /** SIGTERM, waits, SIGKILL after 20 s; resolves with the exit code. */
  stop(): Promise<number | null>
}

/** How a Core is started. */
export interface CoreProcessOptions {
  /** Holds core.json and everything that Core keeps. Created when missing. */
  dir: string
  /** PostgreSQL to use; absent: the embedded one. */
  databaseUrl?: string
  /** Folder of the keys when several Cores share a database; default: in `dir`. */
  keysFolder?: string
  /** Ports to use again after a restart; default any free ones. */
  ports?: { admin: number; device: number; feed: number }
  /** How long it may take to listen; default 30,000. */
  timeoutMs?: number
}

/** The process did not start, or not in time; the message holds the tail of what it wrote. */
class CoreStartError extends Error {
  override name = 'CoreStartError'
  constructor(reason: string, stdout: string, stderr: string) {
    super(`Core ${reason}\n--- stdout\n${stdout.slice(-2_000)}\n--- stderr\n${stderr.slice(-4_000)}`)
  }
}

/** Core's entry point in the workspace. */
const CORE_BIN = fileURLToPath(new URL('../../../apps/core/bin/postern-core.mjs', import.meta.url))

/** Starts Core and waits until it listens. @throws CoreStartError */
export async function startCoreProcess(options: CoreProcessOptions): Promise<CoreProcess> {
  const configFile = await writeConfig(options)
  const { NODE_TEST_CONTEXT: _unused, ...env } = process.env
  const child = spawn(process.execPath, [CORE_BIN, '--config', configFile, '--setup-json'], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text))
  const started = await waitForStart(child, output, options.timeoutMs ?? 30_000)
  return toProcess(child, output, started)
}

async function writeConfig(options: CoreProcessOptions): Promise<string> {
  await mkdir(options.dir, { recursive: true, mode: 0o711 })
  const ports = options.ports ?? { admin: 0, device: 0, feed: 0 }
  const config = {
    data: '.',
    admin: { port: ports.admin },
    device: { host: '127.0.0.1', port: ports.device },
    feed: { host: '127.0.0.1', port: ports.feed },
    ...(options.databaseUrl === undefined ? {} : { database: { url: options.databaseUrl } }),
    ...(options.keysFolder === undefined ? {} : { secrets: { folder: options.keysFolder } }),
  }
  const file = join(options.dir, 'core.json')
  await writeFile(file, JSON.stringify(config, null, 2), { mode: 0o600 })
  return file
}

interface Started {
  readonly setupUrl: string | null
  readonly adminUrl: string
  readonly ports: CoreProcess['ports']
}

async function waitForStart(
  child: ChildProcess,
  output: { stdout: string; stderr: string },
  timeoutMs: number,
): Promise<Started> {
  const late = AbortSignal.timeout(timeoutMs)
  for (;;) {
    const line = output.stdout.split('\n').find((text) => text.startsWith('{"setupUrl"') && text.endsWith('}'))
    if (line !== undefined) return JSON.parse(line) as Started
    if (child.exitCode !== null || child.signalCode !== null) {
      await delay(20)
      const how = String(child.exitCode ?? child.signalCode)
      throw new CoreStartError(`ended with ${how} before it listened`, output.stdout, output.stderr)
    }
    if (late.aborted) {
      child.kill('SIGKILL')
      throw new CoreStartError(`did not listen within ${String(timeoutMs)} ms`, output.stdout, output.stderr)
    }
    await delay(5)
  }
}

function toProcess(child: ChildProcess, output: { stdout: string; stderr: string }, started: Started): CoreProcess {
  const exited = exitOf(child)
  const end = async (signal: NodeJS.Signals, limitMs: number): Promise<number | null> => {
    child.kill(signal)
    const timer = setTimeout(() => child.kill('SIGKILL'), limitMs)
    const code = await exited
    clearTimeout(timer)
    return code
  }
  return {
    ...started,
    pid: child.pid ?? 0,
    feedUrl: `https://127.0.0.1:${String(started.ports.feed)}`,
    exited,
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    kill: async () => {
      await end('SIGKILL', 1_000)
    },
    stop: () => end('SIGTERM', 20_000),
    [Symbol.asyncDispose]: async () => {
      await end('SIGTERM', 20_000)
    },
  }
}

async function exitOf(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  return child.exitCode
}
