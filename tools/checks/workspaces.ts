/**
 * The workspaces of a checkout, and the files in it that are ours.
 * @module
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** A package.json as far as the checks read it. Maps go from package name to version. */
export interface Manifest {
  readonly name: string
  readonly dependencies: ReadonlyMap<string, string>
  readonly devDependencies: ReadonlyMap<string, string>
  /** From subpath (`./decode`) to file (`./src/decode.ts`). */
  readonly exports: ReadonlyMap<string, string>
}

/** A workspace: `folder` is relative to the root (`packages/wbxml`). */
export interface Workspace extends Manifest {
  readonly folder: string
}

/** Every folder with a package.json under packages/ and apps/, by folder. */
export async function readWorkspaces(root: string): Promise<readonly Workspace[]> {
  const found: Workspace[] = []
  for (const group of ['packages', 'apps']) {
    if (!existsSync(join(root, group))) continue
    for (const name of (await readdir(join(root, group))).sort()) {
      const folder = `${group}/${name}`
      if (existsSync(join(root, folder, 'package.json'))) found.push({ folder, ...(await readManifest(root, folder)) })
    }
  }
  return found
}

/** @throws Error when the file is missing or no JSON object. */
export async function readManifest(root: string, folder: string): Promise<Manifest> {
  const input: unknown = JSON.parse(await readFile(join(root, folder, 'package.json'), 'utf8'))
  if (typeof input !== 'object' || input === null) throw new Error(`${folder}/package.json is no object`)
  const fields = new Map<string, unknown>(Object.entries(input))
  return {
    name: String(fields.get('name')),
    dependencies: stringMap(fields.get('dependencies')),
    devDependencies: stringMap(fields.get('devDependencies')),
    exports: stringMap(fields.get('exports')),
  }
}

function stringMap(value: unknown): ReadonlyMap<string, string> {
  if (typeof value !== 'object' || value === null) return new Map()
  return new Map(Object.entries(value).flatMap(([key, item]) => (typeof item === 'string' ? [[key, item]] : [])))
}

/**
 * Files under version control or about to be (new and not ignored), relative, sorted. A folder without git is listed
 * whole, except what no repository keeps.
 */
export async function ourFiles(root: string): Promise<readonly string[]> {
  const files = existsSync(join(root, '.git')) ? await gitFiles(root) : await walk(root, '')
  return files.filter((file) => existsSync(join(root, file))).sort()
}

async function gitFiles(root: string): Promise<string[]> {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard']
  const { stdout } = await promisify(execFile)('git', args, { cwd: root, maxBuffer: 67_108_864 })
  return [...new Set(stdout.split('\0').filter((file) => file !== ''))]
}

const NEVER_OURS = new Set(['node_modules', '.tsbuild', '.git', 'test-results', '.demo', 'coverage'])

async function walk(root: string, folder: string): Promise<string[]> {
  const found: string[] = []
  for (const entry of await readdir(join(root, folder), { withFileTypes: true })) {
    if (NEVER_OURS.has(entry.name)) continue
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`
    if (entry.isDirectory()) found.push(...(await walk(root, path)))
    else if (entry.isFile()) found.push(path)
  }
  return found
}

const SOURCE = /^(packages|apps)\/[^/]+\/(src|tests)\/.*\.ts$/

/** TypeScript sources of all workspaces, tests included; tools are not among them. */
export async function sourceFiles(root: string): Promise<readonly string[]> {
  return (await ourFiles(root)).filter((file) => SOURCE.test(file))
}

/** True for test files: `x.test.ts`, and everything in an app's `tests/`. */
export function isTest(file: string): boolean {
  return file.endsWith('.test.ts') || /^(packages|apps)\/[^/]+\/tests\//.test(file)
}
