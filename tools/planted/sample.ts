/**
 * A small workspace with the real configuration of every check, clean until something is planted in it.
 *
 * It lies outside of this repository, so that a planted fault can neither be committed nor found by `npm run check`.
 * @module
 */
import { copyFile, mkdir, mkdtemp, readdir, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import prettier from 'prettier'
import { ERRORS_FILE, errorsDocument } from '../checks/errors-document.ts'

const REPOSITORY = resolve(import.meta.dirname, '..', '..')
const CONFIGURATION = [
  '.dependency-cruiser.cjs',
  '.prettierignore',
  '.prettierrc.json',
  'eslint.config.js',
  'tsconfig.base.json',
]
const STYLE = (await prettier.resolveConfig(join(REPOSITORY, 'package.json'))) ?? {}

/** A workspace on disk. It is removed when disposed. */
export interface Sample extends AsyncDisposable {
  readonly root: string
  /** Writes a file; `path` is relative to the root. Folders are made. */
  plant(path: string, content: string): Promise<void>
}

/** A clean sample; every check passes on it. */
export async function startSample(): Promise<Sample> {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'postern-planted-')))
  const plant = async (path: string, content: string): Promise<void> => {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), content)
  }
  for (const name of CONFIGURATION) await copyFile(join(REPOSITORY, name), join(root, name))
  for (const [path, content] of Object.entries(cleanFiles())) {
    // As the formatter would write it, so that the check of formatting starts clean.
    await plant(path, await prettier.format(content, { ...STYLE, filepath: path }))
  }
  await plant(ERRORS_FILE, errorsDocument()) // made, not written: no formatter touches it
  await linkModules(root)
  return { root, plant, [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }) }
}

// The real libraries, but the sample's own workspaces under our scope.
async function linkModules(root: string): Promise<void> {
  const modules = join(root, 'node_modules')
  await mkdir(join(modules, '@postern'), { recursive: true })
  const real = join(REPOSITORY, 'node_modules')
  for (const name of await readdir(real)) {
    if (name !== '@postern' && name !== '.bin') await symlink(join(real, name), join(modules, name))
  }
  for (const folder of WORKSPACES.keys()) {
    await symlink(join(root, folder), join(modules, '@postern', folder.split('/')[1] ?? ''))
  }
}

interface SampleWorkspace {
  readonly exports?: Readonly<Record<string, string>>
  readonly dependencies?: readonly string[]
  readonly devDependencies?: readonly string[]
}

const WORKSPACES: ReadonlyMap<string, SampleWorkspace> = new Map([
  ['packages/wbxml', { exports: { './decode': './src/decode.ts' } }],
  ['packages/harness', { exports: { './phone': './src/phones/phone.ts' } }],
  ['apps/sentry', { dependencies: ['@postern/wbxml'], devDependencies: ['@postern/harness'] }],
])

function cleanFiles(): Readonly<Record<string, string>> {
  const folders = [...WORKSPACES.keys()]
  const files: Record<string, string> = {
    'package.json': json({
      name: 'sample',
      private: true,
      type: 'module',
      workspaces: ['packages/*', 'apps/*'],
      devDependencies: { 'fast-check': '0.0.0', typescript: '0.0.0' },
    }),
    'package-lock.json': json({ lockfileVersion: 3, packages: {} }),
    'tsconfig.json': json({ files: [], references: folders.map((path) => ({ path })) }),
    'docs/decisions/0003-runtime-dependencies.md': '# 3. Runtime dependencies\n',
    'tools/tsconfig.json': json({ extends: '../tsconfig.base.json', include: ['.'] }),
    'tools/nothing.ts': "import 'node:fs'\n",
    'packages/wbxml/src/decode.ts': `/** The first byte. @throws RangeError when there is none. */
export function decode(bytes: Uint8Array): number {
  const first = bytes[0]
  if (first === undefined) throw new RangeError('no byte')
  return first
}
`,
    'packages/wbxml/src/decode.test.ts': `import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decode } from './decode.ts'

test('decodes', () => {
  assert.equal(decode(Uint8Array.of(3)), 3)
})
`,
    'packages/harness/src/phones/phone.ts': `import { randomUUID } from 'node:crypto'

/** A device id nobody had before. */
export function newDeviceId(): string {
  return randomUUID()
}
`,
    'apps/sentry/src/main.ts': `import { decode } from '@postern/wbxml/decode'

process.exitCode = decode(Uint8Array.of(0))
`,
    'apps/sentry/tests/phone.test.ts': `import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newDeviceId } from '@postern/harness/phone'

test('device ids differ', () => {
  assert.notEqual(newDeviceId(), newDeviceId())
})
`,
  }
  for (const [folder, { exports, dependencies, devDependencies }] of WORKSPACES) {
    const name = `@postern/${folder.split('/')[1] ?? ''}`
    files[`${folder}/package.json`] = json({
      name,
      type: 'module',
      exports,
      dependencies: versions(dependencies),
      devDependencies: versions(devDependencies),
    })
    const ours = [...(dependencies ?? []), ...(devDependencies ?? [])]
    files[`${folder}/tsconfig.json`] = json({
      extends: '../../tsconfig.base.json',
      compilerOptions: { rootDir: '.', outDir: '.tsbuild', tsBuildInfoFile: '.tsbuild/tsbuildinfo' },
      include: ['src', 'tests'],
      references: ours.map((other) => ({ path: `../../packages/${other.slice('@postern/'.length)}` })),
    })
  }
  return files
}

function versions(names: readonly string[] = []): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, '0.0.0']))
}

function json(value: object): string {
  return JSON.stringify(value, null, 2)
}
