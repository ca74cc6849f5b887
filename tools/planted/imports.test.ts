import { imports } from '../checks/imports.ts'
import { testPlanted } from './planted.ts'

const planted = (title: string, path: string, specifier: string, rule: string, typeOnly = false) => ({
  title,
  path,
  content: `import ${typeOnly ? 'type ' : ''}* as planted from '${specifier}'\n\nexport type Planted = typeof planted\n`,
  says: `breaks ${rule}`,
})

testPlanted(imports, [
  planted('a protocol package reads files', 'packages/wbxml/src/file.ts', 'node:fs', 'pure-packages'),
  planted('a protocol package takes a library', 'packages/wbxml/src/library.ts', 'typebox', 'protocol-packages'),
  planted('a type of a library counts', 'packages/wbxml/src/type.ts', 'typebox', 'protocol-packages', true),
  planted(
    'a protocol package takes a stand-in',
    'packages/wbxml/src/up.ts',
    '@postern/harness/phone',
    'protocol-packages',
  ),
  planted('Sentry takes a stand-in', 'apps/sentry/src/stand-in.ts', '@postern/harness/phone', 'sentry'),
  planted('Sentry takes another HTTP client', 'apps/sentry/src/client.ts', 'koa', 'sentry-libraries'),
  planted(
    'a phone takes a protocol package',
    'packages/harness/src/phones/own.ts',
    '@postern/wbxml/decode',
    'phones-on-their-own',
  ),
  planted(
    'a workspace is entered by path',
    'apps/sentry/src/path.ts',
    '../../../packages/wbxml/src/decode.ts',
    'by-entry-point',
  ),
  planted(
    'a test enters by path',
    'apps/sentry/tests/path.test.ts',
    '../../../packages/wbxml/src/decode.ts',
    'by-entry-point',
  ),
  planted(
    'a package takes an app',
    'packages/harness/src/app.ts',
    '../../../apps/sentry/src/main.ts',
    'no-apps-in-packages',
  ),
  planted('code takes a test', 'packages/wbxml/src/test-user.ts', './decode.test.ts', 'no-tests-in-code'),
  planted('nothing is there', 'apps/sentry/src/missing.ts', '@postern/wbxml/src/decode.ts', 'resolvable'),
  {
    ...planted('a ring of two', 'apps/sentry/src/ring-a.ts', './ring-b.ts', 'no-cycles'),
    beside: { path: 'apps/sentry/src/ring-b.ts', content: "export type { Planted } from './ring-a.ts'\n" },
  },
  {
    title: 'a file on its own',
    path: 'packages/harness/src/orphan.ts',
    content: 'export const planted = 1\n',
    says: 'breaks no-orphans',
  },
])
