/**
 * One process for each data directory: two would write one journal and answer to one name.
 * @module
 */
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { RegistrationError } from './registration.ts'

const FILE = 'pid'

/**
 * Claims the directory for this process, until disposed. A claim of a process that is gone, killed as it may be, is taken
 * over.
 * @throws RegistrationError when a process that lives has claimed it
 */
export async function claimDataFolder(
  dir: string,
  pid: number,
  isAlive: (pid: number) => boolean,
): Promise<AsyncDisposable> {
  const file = join(dir, FILE)
  const owner = Number(await readFile(file, 'utf8').catch(() => ''))
  if (Number.isInteger(owner) && owner > 0 && owner !== pid && isAlive(owner)) {
    const remedy = `stop it, or remove ${file} if that process is no Sentry`
    throw new RegistrationError(`--data: process ${owner} works in ${dir} already; ${remedy}`)
  }
  await rm(file, { force: true })
  // Of two that start at the same moment, one finds the file of the other.
  await writeFile(file, `${pid}\n`, { flag: 'wx', mode: 0o600 }).catch((cause: unknown) => {
    throw new RegistrationError(`--data: another process has just claimed ${dir}; start one of them`, { cause })
  })
  return { [Symbol.asyncDispose]: () => rm(file, { force: true }) }
}

/** Whether a process is there, whoever it belongs to. */
export function processLives(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
