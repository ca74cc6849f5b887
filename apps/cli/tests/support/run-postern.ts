/**
 * `postern` as a person runs it: a process with its own environment and home.
 * @module
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ENDPOINTS } from '@postern/contract/api/endpoints'
import { runCli } from '../../src/cli.ts'
import type { Sink } from '../../src/surroundings.ts'

const BIN = fileURLToPath(new URL('../../bin/postern.mjs', import.meta.url))
/** A command that takes longer hangs. Milliseconds. */
const LIMIT_MS = 40_000

/** How a run ended. */
export interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** A person at a shell. */
export interface Shell {
  /** Runs `postern ARGS`. `input` is standard input; it is empty otherwise. */
  run(args: readonly string[], options?: { input?: string; env?: Readonly<Record<string, string>> }): Promise<Ended>
}

/** `config` stands for the person's folder of settings; nothing else of the environment is handed on. */
export function shellIn(config: string, cwd = config): Shell {
  return {
    run: async (args, { input = '', env = {} } = {}) => {
      const child = spawn(process.execPath, [BIN, ...args], {
        cwd,
        env: { PATH: process.env['PATH'] ?? '', HOME: config, XDG_CONFIG_HOME: config, ...env },
        stdio: ['pipe', 'pipe', 'pipe'],
        timeout: LIMIT_MS,
        killSignal: 'SIGKILL',
      })
      const texts = { out: '', err: '' }
      child.stdout.setEncoding('utf8').on('data', (text: string) => (texts.out += text))
      child.stderr.setEncoding('utf8').on('data', (text: string) => (texts.err += text))
      child.stdin.on('error', () => undefined) // it may end before it has read all
      child.stdin.end(input)
      await once(child, 'close')
      return { code: child.exitCode, ...texts }
    },
  }
}

/** The same without a process of its own for each run, which is quicker; names of files are from this process's folder. */
export function shellHere(config: string): Shell {
  return {
    run: async (args, { input = '' } = {}) => {
      const texts = { out: '', err: '' }
      const sink = (name: 'out' | 'err'): Sink => ({
        isTty: false,
        columns: null,
        write: async (bytes) => {
          texts[name] += typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString()
        },
      })
      const around = {
        out: sink('out'),
        err: sink('err'),
        readInput: async () => Buffer.from(input),
        ask: async () => null,
        now: Date.now,
        credentialsFile: join(config, 'postern', 'cli.json'),
        environment: { url: null, token: null, ca: null },
        version: '0.0.0-test',
      }
      const code = await runCli(args, around, ENDPOINTS)
      return { code, ...texts }
    },
  }
}
