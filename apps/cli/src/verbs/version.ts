/**
 * `postern version`.
 * @module
 */
import { CONNECTION_OPTIONS } from '../commands/command-options.ts'
import type { HandVerb } from './hand-verb.ts'

/** See the module's comment. */
export const versionVerb: HandVerb = {
  name: 'version',
  summary: 'Show the release of this program',
  positionals: [],
  options: CONNECTION_OPTIONS.filter(({ name }) => name === 'help'),
  run: async (around) => around.out.write(`postern ${around.version}\n`),
}
