/**
 * A clock of a Sentry that a test can set forward: its processes read the offset from a file at each look.
 * @module
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** An environment for a Sentry, and the hand on its clock. */
export interface ShiftedClock extends AsyncDisposable {
  readonly env: Record<string, string>
  /** Milliseconds that the Sentry's clock is ahead of ours from now on. */
  setAhead(ms: number): Promise<void>
}

/** Makes one; at first it goes as ours does. */
export async function shiftedClock(): Promise<ShiftedClock> {
  const dir = await mkdtemp(join(tmpdir(), 'postern-clock-'))
  const file = join(dir, 'ahead')
  const setAhead = (ms: number): Promise<void> => writeFile(file, String(ms))
  await setAhead(0)
  const source = [
    "import { readFileSync } from 'node:fs'",
    'const now = Date.now',
    `Date.now = () => now() + Number(readFileSync(${JSON.stringify(file)}, 'utf8'))`,
  ].join('\n')
  const script = `data:text/javascript;base64,${Buffer.from(source).toString('base64')}`
  return {
    env: { NODE_OPTIONS: `--import=${script}` },
    setAhead,
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }),
  }
}
