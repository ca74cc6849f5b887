import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Check, Finding } from './model.ts'

const REGISTRY = 'https://registry.npmjs.org/'

/** The lockfile fetches from the public registry only, with a checksum for each package, so that everyone gets the same. */
export const lockfile: Check = {
  name: 'lockfile',
  async run(root) {
    const lock = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')) as Lock // npm's own format
    return Object.entries(lock.packages ?? {}).flatMap(([path, entry]) => entryFindings(path, entry))
  },
}

interface LockEntry {
  readonly resolved?: string
  readonly integrity?: string
  readonly link?: boolean
}

interface Lock {
  readonly packages?: Readonly<Record<string, LockEntry>>
}

function entryFindings(path: string, { resolved, integrity, link }: LockEntry): Finding[] {
  const where = `package-lock.json ${path}`
  if (!path.startsWith('node_modules/') && !path.includes('/node_modules/')) return []
  if (link === true) return []
  if (resolved !== undefined && !resolved.startsWith(REGISTRY)) {
    return [{ where, message: `is fetched from ${resolved.slice(0, 100)} instead of ${REGISTRY}` }]
  }
  return integrity === undefined ? [{ where, message: 'has no checksum' }] : []
}
