import { budgets } from '../checks/budgets.ts'
import { declared } from '../checks/declared.ts'
import { docComments } from '../checks/doc-comments.ts'
import { errorsAreCurrent } from '../checks/errors-document.ts'
import { format } from '../checks/format.ts'
import { lockfile } from '../checks/lockfile.ts'
import { text } from '../checks/text.ts'
import { unusedExports } from '../checks/unused-exports.ts'
import { testPlanted } from './planted.ts'

const manifest = (name: string, dependencies: readonly string[]): string =>
  JSON.stringify({ name, dependencies: Object.fromEntries(dependencies.map((other) => [other, '1.0.0'])) })
const RECORD = 'docs/decisions/0003-runtime-dependencies.md'

testPlanted(errorsAreCurrent, [
  {
    title: 'a document that was edited by hand',
    path: 'docs/errors.md',
    content: '# Reasons of a Sentry\n',
    says: 'run npm run errors',
  },
])

testPlanted(format, [
  {
    title: 'a semicolon',
    path: 'packages/wbxml/src/planted.ts',
    content: 'export const planted = 1;\n',
    says: 'is not formatted',
  },
])

testPlanted(budgets, [
  {
    title: 'a protocol package with a dependency',
    path: 'packages/wbxml/package.json',
    content: manifest('@postern/wbxml', ['one']),
    says: 'needs 1 runtime dependencies, 0 are allowed: one',
  },
  {
    title: 'a sixth dependency of Sentry, one of them through a package of ours',
    path: 'apps/sentry/package.json',
    content: manifest('@postern/sentry', ['@postern/wbxml', 'two', 'three', 'four', 'five', 'six']),
    says: 'needs 6 runtime dependencies, 5 are allowed',
  },
  {
    title: 'a dependency without a reason, and a reason without its dependency',
    path: RECORD,
    content: '| apps/sentry | `gone` | it was here once |\n',
    says: 'explains gone of apps/sentry',
  },
  {
    title: 'the reason of two is missing',
    path: RECORD,
    content: '| apps/sentry | `gone` | it was here |\n',
    says: 'needs two',
  },
])

testPlanted(declared, [
  {
    title: 'a package that only the root has',
    path: 'packages/wbxml/src/undeclared.ts',
    content: "import 'fast-check'\n",
    says: 'imports fast-check, which packages/wbxml/package.json does not declare',
  },
  {
    title: 'a development dependency in product code',
    path: 'apps/sentry/src/stand-in.ts',
    content: "import '@postern/harness/phone'\n",
    says: 'imports @postern/harness',
  },
  {
    title: 'a dependency that nothing imports',
    path: 'packages/harness/package.json',
    content: manifest('@postern/harness', ['unused']),
    says: 'depends on unused',
  },
  {
    title: 'a Node module without its scheme',
    path: 'packages/harness/src/scheme.ts',
    content: "import 'fs'\n",
    says: 'write node:fs',
  },
])

testPlanted(unusedExports, [
  {
    title: 'a function that only its own file uses',
    path: 'packages/wbxml/src/planted.ts',
    content: 'export const planted = 1\nexport type Planted = typeof planted\n',
    says: 'exports planted, which no other file imports',
  },
  {
    title: 'a type of a file that nobody enters',
    path: 'apps/sentry/src/planted.ts',
    content: 'export type Planted = string\n',
    says: 'exports Planted',
  },
  {
    title: 'an entry that is not there',
    path: 'packages/harness/package.json',
    content: JSON.stringify({ name: '@postern/harness', exports: { './phone': './src/gone.ts' } }),
    says: 'names ./src/gone.ts, which is missing',
  },
])

testPlanted(docComments, [
  {
    title: 'an export without a comment',
    path: 'packages/wbxml/src/planted.ts',
    content: '/** About this file. @module */\nexport const planted = 1\n',
    says: 'planted is exported without a doc comment',
  },
])

testPlanted(text, [
  {
    title: 'a path of one machine',
    path: 'docs/planted.md',
    content: `Look at ${['', 'work', 'main', 'docs'].join('/')} for more.\n`,
    says: 'names a path of one machine',
  },
  {
    title: 'a test that is set aside',
    path: 'packages/wbxml/src/planted.test.ts',
    content: ['test', "skip('x', () => undefined)\n"].join('.'),
    says: 'sets a test aside',
  },
  {
    title: 'a test that is set aside by option',
    path: 'packages/wbxml/src/option.test.ts',
    content: ["test('x', { todo", ' true }, () => undefined)\n'].join(':'),
    says: 'sets a test aside',
  },
])

testPlanted(lockfile, [
  {
    title: 'a package from a mirror, and one without a checksum',
    path: 'package-lock.json',
    content: JSON.stringify({
      packages: {
        'node_modules/one': { resolved: 'https://mirror.example.com/one.tgz', integrity: 'sha512-x' },
        'node_modules/two': { resolved: 'https://registry.npmjs.org/two/-/two-1.0.0.tgz' },
      },
    }),
    where: 'package-lock.json node_modules/one',
    says: 'is fetched from https://mirror.example.com',
  },
])
