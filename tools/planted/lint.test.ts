import { lint } from '../checks/lint.ts'
import { testPlanted } from './planted.ts'

// In two halves, so that a search for the real thing does not stop here.
const UNVERIFIED = ['rejectUnauthorized', 'false'].join(': ')

testPlanted(lint, [
  {
    title: 'a promise nobody awaits',
    path: 'apps/sentry/src/floating.ts',
    content: "import { rm } from 'node:fs/promises'\n\nrm('x')\n",
    says: 'no-floating-promises',
  },
  {
    title: 'a promise where a condition is expected',
    path: 'apps/sentry/src/misused.ts',
    content: "import { rm } from 'node:fs/promises'\n\nif (rm('x')) process.exitCode = 1\n",
    says: 'no-misused-promises',
  },
  {
    title: 'any, written out',
    path: 'packages/wbxml/src/any.ts',
    content: 'export const planted = (value: any): string => String(value)\n',
    says: 'no-explicit-any',
  },
  {
    title: 'any, by the way of JSON',
    path: 'packages/wbxml/src/unsafe.ts',
    content: "export const planted: string = JSON.parse('1').name\n",
    says: 'no-unsafe-member-access',
  },
  {
    title: 'a non-null assertion',
    path: 'packages/wbxml/src/non-null.ts',
    content: 'export const planted = (list: readonly string[]): string => list[0]!\n',
    says: 'no-non-null-assertion',
  },
  {
    title: 'a switch that forgets a case',
    path: 'packages/wbxml/src/switch.ts',
    content:
      "export function planted(kind: 'a' | 'b'): void {\n  switch (kind) {\n    case 'a':\n      throw new Error(kind)\n  }\n}\n",
    says: 'switch-exhaustiveness-check',
  },
  {
    title: 'an upstream connection that is not verified',
    path: 'apps/sentry/src/upstream/connect.ts',
    content: `import { connect } from 'node:tls'\n\nexport const planted = () => connect({ port: 1, ${UNVERIFIED} })\n`,
    says: 'Peers are always verified',
  },
  {
    title: 'an upstream connection whose verification is an option',
    path: 'apps/sentry/src/upstream/option.ts',
    content:
      "import { connect } from 'node:tls'\n\nexport const planted = (rejectUnauthorized: boolean) => connect({ port: 1, rejectUnauthorized })\n",
    says: 'Peers are always verified',
  },
  {
    title: 'an upstream connection that takes any name',
    path: 'apps/sentry/src/upstream/name.ts',
    content:
      "import { connect } from 'node:tls'\n\nexport const planted = () => connect({ port: 1, checkServerIdentity: () => undefined })\n",
    says: 'Peers are always verified',
  },
  {
    title: 'a console in a package',
    path: 'packages/wbxml/src/console.ts',
    content: "export const planted = (): void => {\n  console.log('seen')\n}\n",
    says: 'no-console',
  },
  {
    title: 'the environment outside of main',
    path: 'apps/sentry/src/environment.ts',
    content: "export const planted = process.env['SECRET']\n",
    says: 'no-restricted-properties',
  },
  {
    title: 'Buffer in a pure package',
    path: 'packages/wbxml/src/buffer.ts',
    content: "export const planted = Buffer.from('00', 'hex')\n",
    says: 'no-restricted-globals',
  },
  {
    title: 'the clock in a pure package',
    path: 'packages/wbxml/src/clock.ts',
    content: 'export const planted = (): number => Date.now()\n',
    says: 'takes time, randomness and keys as arguments',
  },
  {
    title: 'an error that is swallowed without a word',
    path: 'packages/wbxml/src/swallowed.ts',
    content: "export function planted(): void {\n  try {\n    throw new Error('x')\n  } catch {}\n}\n",
    says: 'no-empty',
  },
  {
    title: 'a file of 401 lines',
    path: 'packages/wbxml/src/long.ts',
    content: '// line\n'.repeat(401),
    says: 'max-lines',
  },
  {
    title: 'a function of 61 lines',
    path: 'packages/wbxml/src/long-function.ts',
    content: `export function planted(): void {\n${'  // line\n'.repeat(59)}}\n`.replace('{\n', '{\n  // one more\n'),
    says: 'max-lines-per-function',
  },
])
