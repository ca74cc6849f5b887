/**
 * One `postgres` process that does not outlive this one, however this one ends.
 * @module
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { type Identity, MINIMAL_ENV, spawnAs } from './identity.ts'

/** What to run. */
export interface ProcessOptions {
  /** Absolute path of `postgres`. */
  readonly program: string
  readonly args: readonly string[]
  /** Working directory: the data directory. */
  readonly dataDir: string
  readonly identity: Identity | null
  /** Each line of standard error. */
  readonly log: (line: string) => void
}

/** A running `postgres`. */
export interface SupervisedProcess {
  /** Of the server itself: the shell became it. */
  readonly pid: number | undefined
  /** Settles with what ended it, once its last lines were logged; never rejects. */
  readonly exited: Promise<string>
  /** Fast shutdown: sessions end, everything is written. Settles when the process is gone; again is harmless. */
  stop(): Promise<void>
}

/** A fast shutdown writes all changed pages; after this the server is told to leave at once and recover later. */
const FAST_SHUTDOWN_MS = 30_000
const IMMEDIATE_SHUTDOWN_MS = 5_000
const LAST_WORDS_MS = 1_000

/**
 * The shell forks a watcher and becomes the server, whose process id is therefore `$$`. The watcher reads the pipe that
 * only this process holds: a line means that the server is gone, end of file that this process is, even by SIGKILL.
 * Its parent has left, so that the server has no child that it did not start. No value stands in the text: the
 * program and its arguments come as `$@`.
 */
const WATCHED = `
exec 3<&0
( (
  if read -r word; then exit; fi
  kill -INT "$$"
  waited=0
  while kill -0 "$$" && [ "$waited" -lt ${FAST_SHUTDOWN_MS / 1_000} ]; do sleep 1; waited=$((waited + 1)); done
  kill -QUIT "$$" && sleep ${IMMEDIATE_SHUTDOWN_MS / 1_000} && kill -KILL "$$"
) <&3 >/dev/null 2>&1 & )
exec "$@" </dev/null 3<&-
`

/** Starts it; that it runs does not mean that it serves. */
export function startProcess(options: ProcessOptions): SupervisedProcess {
  const child = process.platform === 'win32' ? spawnPlain(options) : spawnWatched(options)
  const gone = new AbortController()
  const exited = ending(child).finally(() => gone.abort())
  child.once('exit', () => child.stdin?.end('gone\n'))
  child.stdin?.on('error', () => undefined) // the watcher may have left already
  if (child.stderr !== null) createInterface({ input: child.stderr }).on('line', options.log)
  return { pid: child.pid, exited, stop: () => stop(child, options, exited, gone.signal) }
}

/**
 * Its sessions hold standard error as well: when only the server was killed they may go on for a while, and nobody
 * shall wait for them to learn it.
 */
async function ending(child: ChildProcess): Promise<string> {
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const reason = await new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('exit', (code, signal) => resolve(signal ?? `code ${code ?? 'unknown'}`))
  })
  await Promise.race([closed, sleep(LAST_WORDS_MS, undefined, { ref: false })])
  return reason
}

function spawnWatched({ program, args, dataDir, identity }: ProcessOptions): ChildProcess {
  return spawn('/bin/sh', ['-c', WATCHED, 'postern-postgres', program, ...args], {
    ...spawnAs(identity),
    cwd: dataDir,
    env: MINIMAL_ENV,
    detached: true, // Ctrl-C reaches us, and we finish what we do before the server goes
    stdio: ['pipe', 'ignore', 'pipe'],
  })
}

/** Windows has no `/bin/sh`: there a killed process leaves its server behind. */
function spawnPlain({ program, args, dataDir }: ProcessOptions): ChildProcess {
  return spawn(program, args, { cwd: dataDir, stdio: ['ignore', 'ignore', 'pipe'] })
}

async function stop(
  child: ChildProcess,
  { program, dataDir }: ProcessOptions,
  exited: Promise<string>,
  gone: AbortSignal,
): Promise<void> {
  if (process.platform === 'win32') {
    // There, signals kill; pg_ctl knows how to ask.
    await promisify(execFile)(join(dirname(program), 'pg_ctl'), ['stop', '-D', dataDir, '-m', 'fast'])
    await exited
    return
  }
  for (const [signal, patienceMs] of [
    ['SIGINT', FAST_SHUTDOWN_MS],
    ['SIGQUIT', IMMEDIATE_SHUTDOWN_MS],
  ] as const) {
    if (!gone.aborted) child.kill(signal)
    await sleep(patienceMs, undefined, { signal: gone }).catch(() => undefined) // aborted: it is gone
    if (gone.aborted) return
  }
  child.kill('SIGKILL')
  await exited
}
