/**
 * A Sentry as its operator starts it: an own process, a configuration file, a policy file, an audit file.
 * @module
 */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { AuditLine } from '@postern/contract/audit-line'

export type { AuditLine } from '@postern/contract/audit-line'

/** A Sentry that answers. It must be stopped: `stop()` or `await using`. */
export interface SentryProcess extends AsyncDisposable {
  /** Port of the device listener. */
  readonly port: number
  /** Port of the local listener (metrics, health). */
  readonly localPort: number
  readonly pid: number
  readonly workers: number
  /** Where sentry.json, policy.json and audit.jsonl lie. */
  readonly dir: string
  readonly configFile: string
  readonly policyFile: string
  readonly auditFile: string
  /** Fulfilled with the exit code (null after a signal) when the process is gone. */
  readonly exited: Promise<number | null>
  /** What it wrote so far. */
  stdout(): string
  stderr(): string
  /** All audit lines so far, oldest first. */
  auditLines(): Promise<AuditLine[]>
  /** The first audit line that fits, waiting for it; `timeoutMs` default 3,000. `from` skips that many lines. */
  waitForAudit(fits: (line: AuditLine) => boolean, timeoutMs?: number, from?: number): Promise<AuditLine>
  /** Replaces policy.json in one step. */
  writePolicy(snapshot: object): Promise<void>
  /** Replaces sentry.json in one step. */
  writeConfig(config: object): Promise<void>
  /** The metrics page, as text. */
  metrics(): Promise<string>
  /** Value of a metric without labels, or with exactly these (`name{a="b"}`); null when it is not on the page. */
  metric(series: string): Promise<number | null>
  /** Version of the policy that every worker decides from (the lowest of them); null while unknown. */
  appliedVersion(): Promise<number | null>
  /** `/healthz` or `/readyz`: status and text. */
  health(path: '/healthz' | '/readyz'): Promise<{ status: number; body: string }>
  signal(name: NodeJS.Signals): void
  /** SIGTERM, waits, SIGKILL after 20 s; resolves with the exit code. Calling it again is harmless. */
  stop(): Promise<number | null>
}

/** What `startSentryProcess` needs beside the configuration. */
export interface SentryProcessOptions {
  /** Where to write sentry.json; relative names of the configuration refer to it. Created when missing. */
  dir: string
  /** Absent: what Sentry chooses itself, one for each core. */
  workers?: number
  /** More arguments for the command line. */
  args?: readonly string[]
  env?: Record<string, string>
  /** Name of the configuration file in `dir`; default sentry.json. Two Sentries in one directory need two names. */
  configName?: string
  /** How long it may take to listen; default 15,000. */
  timeoutMs?: number
}

/** The process did not start, or not in time; the message holds the tail of what it wrote. */
class SentryStartError extends Error {
  override name = 'SentryStartError'
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
  constructor(reason: string, exitCode: number | null, stdout: string, stderr: string) {
    super(`Sentry ${reason}\n--- stdout\n${stdout.slice(-2_000)}\n--- stderr\n${stderr.slice(-4_000)}`)
    this.exitCode = exitCode
    this.stdout = stdout
    this.stderr = stderr
  }
}

/** Sentry's entry point in the workspace. */
const SENTRY_BIN = fileURLToPath(new URL('../../../apps/sentry/bin/postern-sentry.mjs', import.meta.url))

/** Writes the configuration, starts Sentry and waits until it listens. @throws SentryStartError */
export async function startSentryProcess(config: object, options: SentryProcessOptions): Promise<SentryProcess> {
  const { configFile, child, output } = await launch(config, options, options.args ?? [])
  const listening = await waitForListening(child, output, options.timeoutMs ?? 15_000)
  const pid = child.pid
  if (pid === undefined) throw new SentryStartError('has no process id', null, output.stdout, output.stderr)
  return toProcess(child, pid, output, listening, filesOf(config, options.dir, configFile))
}

/** Runs Sentry to its end (`--check`, a configuration that is refused) and returns what it did; at most 15 s. */
export async function runSentry(
  config: object,
  options: SentryProcessOptions,
  args: readonly string[],
): Promise<SentryRun> {
  const { child, output } = await launch(config, options, args)
  return toEnd(child, output, options.timeoutMs ?? 15_000)
}

/** What a process did that ran to its end. `exitCode` null: it was ended by a signal. */
export interface SentryRun {
  exitCode: number | null
  stdout: string
  stderr: string
}

/** How a machine is registered; `dir` is its data directory. */
export interface EnrolOptions {
  dir: string
  /** `https://host:port` of Core's feed listener. */
  core: string
  token: string
  /** Default 127.0.0.1:0. */
  listen?: string
  /** Default 127.0.0.1:0. */
  local?: string
  /** Names of the laboratory; given, even empty, the machine is registered with `--lab`. */
  hosts?: Record<string, string>
  /** Registers anew over an earlier registration. */
  replace?: boolean
  /** How long it may take; default 15,000. */
  timeoutMs?: number
}

/** Runs `postern-sentry enroll` to its end; the token goes over standard input, as a careful operator would have it. */
export async function enrolSentry(options: EnrolOptions): Promise<SentryRun> {
  const { dir, core, listen = '127.0.0.1:0', local = '127.0.0.1:0', hosts, replace = false } = options
  const names = Object.entries(hosts ?? {}).flatMap(([name, address]) => ['--host', `${name}=${address}`])
  const lab = hosts === undefined ? [] : ['--lab', ...names]
  const again = replace ? ['--replace'] : []
  const where = ['--core', core, '--data', dir, '--listen', listen, '--local', local]
  const { child, output } = spawnSentry(['enroll', '--token', '-', ...where, ...lab, ...again], {})
  child.stdin?.on('error', () => undefined) // it may have refused its flags and gone before it read
  child.stdin?.end(`${options.token}\n`)
  return toEnd(child, output, options.timeoutMs ?? 15_000)
}

/** What a registered Sentry is started with; its data directory was made by {@link enrolSentry}. */
export interface RegisteredSentryOptions {
  dir: string
  /** Absent: what Sentry chooses itself, one for each core. */
  workers?: number
  /** More arguments for the command line. */
  args?: readonly string[]
  env?: Record<string, string>
  /** How long it may take to listen; default 15,000. */
  timeoutMs?: number
}

/** A registered Sentry that may still wait for its first configuration. It must be stopped: `stop()` or `await using`. */
export interface RegisteredSentry extends AsyncDisposable {
  readonly pid: number
  /** Fulfilled with the exit code (null after a signal) when the process is gone. */
  readonly exited: Promise<number | null>
  stdout(): string
  stderr(): string
  signal(name: NodeJS.Signals): void
  /** Waits until devices can connect; `timeoutMs` default as at the launch. @throws SentryStartError, and ends it. */
  listening(timeoutMs?: number): Promise<SentryProcess>
  /** SIGTERM, waits, SIGKILL after 20 s; resolves with the exit code. */
  stop(): Promise<number | null>
}

/** Starts `postern-sentry --data DIR` without waiting for anything. */
export function launchRegisteredSentry(options: RegisteredSentryOptions): RegisteredSentry {
  const { dir } = options
  const workers = options.workers === undefined ? [] : ['--workers', String(options.workers)]
  const { child, output } = spawnSentry(['--data', dir, ...workers, ...(options.args ?? [])], options.env ?? {})
  const { pid } = child
  if (pid === undefined) throw new SentryStartError('has no process id', null, output.stdout, output.stderr)
  const exited = exitOf(child)
  const configFile = join(dir, 'gateway.json')
  const files = { dir, configFile, policyFile: join(dir, 'posture.ndjson'), auditFile: join(dir, 'audit.jsonl') }
  const stop = (): Promise<number | null> => stopChild(child, exited)
  return {
    pid,
    exited,
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    signal: (name) => {
      child.kill(name)
    },
    listening: async (timeoutMs = options.timeoutMs ?? 15_000) =>
      toProcess(child, pid, output, await waitForListening(child, output, timeoutMs), files),
    stop,
    [Symbol.asyncDispose]: async () => {
      await stop()
    },
  }
}

async function toEnd(child: ChildProcess, output: Output, timeoutMs: number): Promise<SentryRun> {
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs)
  await once(child, 'close')
  clearTimeout(timer)
  return { exitCode: child.exitCode, ...output }
}

interface Output {
  stdout: string
  stderr: string
}

interface Listening {
  port: number
  localPort: number
  workers: number
}

interface Files {
  dir: string
  configFile: string
  policyFile: string
  auditFile: string
}

async function launch(
  config: object,
  options: SentryProcessOptions,
  args: readonly string[],
): Promise<{ configFile: string; child: ChildProcess; output: Output }> {
  await mkdir(options.dir, { recursive: true })
  const configFile = join(options.dir, options.configName ?? 'sentry.json')
  await replaceFile(configFile, config)
  const workers = options.workers === undefined ? [] : ['--workers', String(options.workers)]
  return { configFile, ...spawnSentry(['--config', configFile, ...workers, ...args], options.env ?? {}) }
}

function spawnSentry(args: readonly string[], env: Record<string, string>): { child: ChildProcess; output: Output } {
  const { NODE_TEST_CONTEXT: _unused, ...inherited } = process.env
  const child = spawn(process.execPath, [SENTRY_BIN, ...args], {
    env: { ...inherited, ...env },
    stdio: [args.includes('-') ? 'pipe' : 'ignore', 'pipe', 'pipe'],
  })
  const output = { stdout: '', stderr: '' }
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (output.stdout += text))
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (output.stderr += text))
  return { child, output }
}

async function exitOf(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  return child.exitCode
}

async function waitForListening(child: ChildProcess, output: Output, timeoutMs: number): Promise<Listening> {
  const late = AbortSignal.timeout(timeoutMs)
  const fail = (reason: string): SentryStartError => {
    child.kill('SIGKILL')
    return new SentryStartError(reason, child.exitCode, output.stdout, output.stderr)
  }
  for (;;) {
    const listening = listeningLine(output.stdout)
    if (listening !== null) return listening
    if (child.exitCode !== null || child.signalCode !== null) {
      await delay(20)
      throw fail(`ended with ${String(child.exitCode ?? child.signalCode)} before it listened`)
    }
    if (late.aborted) throw fail(`did not listen within ${String(timeoutMs)} ms`)
    await delay(5)
  }
}

function listeningLine(stdout: string): Listening | null {
  for (const line of stdout.split('\n').slice(0, -1)) {
    if (!line.startsWith('{')) continue
    const value = parseObject(line)
    const local = value?.['local']
    if (value?.['event'] !== 'listening' || typeof local !== 'object' || local === null) continue
    const localPort = 'port' in local ? Number(local.port) : Number.NaN
    return { port: Number(value['port']), localPort, workers: Number(value['workers']) }
  }
  return null
}

function parseObject(line: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : null
  } catch (cause) {
    if (cause instanceof SyntaxError) return null
    throw cause
  }
}

function filesOf(config: object, dir: string, configFile: string): Files {
  const { policy, events } = config as { policy?: { file?: string }; events?: { auditFile?: string } }
  return {
    dir,
    configFile,
    policyFile: resolve(dir, policy?.file ?? 'policy.json'),
    auditFile: resolve(dir, events?.auditFile ?? 'audit.jsonl'),
  }
}

function toProcess(child: ChildProcess, pid: number, output: Output, at: Listening, files: Files): SentryProcess {
  const exited = exitOf(child)
  const auditLines = (): Promise<AuditLine[]> => readAudit(files.auditFile)
  const stop = (): Promise<number | null> => stopChild(child, exited)
  const metrics = async (): Promise<string> => (await fetchLocal(at.localPort, '/metrics')).body
  const metric = async (series: string): Promise<number | null> => valueOf(await metrics(), series)
  return {
    ...at,
    ...files,
    pid,
    exited,
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    auditLines,
    waitForAudit: (fits, timeoutMs = 3_000, from = 0) => waitForLine(auditLines, fits, timeoutMs, from),
    writePolicy: (snapshot) => replaceFile(files.policyFile, snapshot),
    writeConfig: (config) => replaceFile(files.configFile, config),
    metrics,
    metric,
    appliedVersion: () => metric('postern_sentry_snapshot_version'),
    health: (path) => fetchLocal(at.localPort, path),
    signal: (name) => {
      child.kill(name)
    },
    stop,
    [Symbol.asyncDispose]: async () => {
      await stop()
    },
  }
}

function valueOf(page: string, series: string): number | null {
  const line = page.split('\n').find((candidate) => candidate.startsWith(`${series} `))
  return line === undefined ? null : Number(line.slice(series.length + 1))
}

async function stopChild(child: ChildProcess, exited: Promise<number | null>): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 20_000)
  const code = await exited
  clearTimeout(timer)
  return code
}

async function waitForLine(
  read: () => Promise<AuditLine[]>,
  fits: (line: AuditLine) => boolean,
  timeoutMs: number,
  from: number,
): Promise<AuditLine> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const lines = (await read()).slice(from)
    const found = lines.find(fits)
    if (found !== undefined) return found
    if (performance.now() > deadline) {
      const tail = lines.slice(-5).map((line) => JSON.stringify(line))
      throw new Error(
        `no such audit line within ${String(timeoutMs)} ms; last of ${String(lines.length)}:\n${tail.join('\n')}`,
      )
    }
    await delay(20)
  }
}

async function readAudit(file: string): Promise<AuditLine[]> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return ''
    throw cause
  })
  // The last piece is either empty or a line that is still being written.
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as AuditLine)
}

async function replaceFile(file: string, value: object): Promise<void> {
  const draft = `${file}.${randomUUID()}.new`
  await writeFile(draft, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 })
  await rename(draft, file)
}

async function fetchLocal(port: number, path: string): Promise<{ status: number; body: string }> {
  const reply = await fetch(`http://127.0.0.1:${String(port)}${path}`, { signal: AbortSignal.timeout(5_000) })
  return { status: reply.status, body: await reply.text() }
}
