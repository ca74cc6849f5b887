import type { HandVerb } from './hand-verb.ts'
export const exportVerb: HandVerb = {
  name: 'export',
  summary: '',
  positionals: [],
  options: [],
  run: async () => undefined,
}
