import type { HandVerb } from './hand-verb.ts'
export const applyVerb: HandVerb = {
  name: 'apply',
  summary: '',
  positionals: [],
  options: [],
  run: async () => undefined,
}
