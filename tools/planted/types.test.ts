import { types } from '../checks/types.ts'
import { testPlanted } from './planted.ts'

testPlanted(types, [
  {
    title: 'a string where a number is promised',
    path: 'packages/wbxml/src/planted.ts',
    content: "export const planted: number = 'three'\n",
    says: 'TS2322',
  },
  {
    title: 'an index that may be missing',
    path: 'apps/sentry/src/planted.ts',
    content: 'export const planted = (list: readonly string[]): string => list[0]\n',
    says: 'TS2322',
  },
  {
    title: 'a subpath that the exports map does not name',
    path: 'apps/sentry/tests/planted.test.ts',
    content: "import { decode } from '@postern/wbxml/src/decode.ts'\n\ndecode(Uint8Array.of(1))\n",
    says: 'TS2307',
  },
  {
    title: 'an enum, which Node cannot strip',
    path: 'packages/harness/src/planted.ts',
    content: 'export enum Planted {\n  One,\n}\n',
    says: 'TS1294',
  },
])
