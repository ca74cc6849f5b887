/**
 * `postern completion bash|zsh|fish`.
 * @module
 */
import { CONNECTION_OPTIONS } from '../commands/command-options.ts'
import { commandsOf } from '../commands/command-table.ts'
import { completionScript, SHELLS } from '../commands/completion-script.ts'
import { usage } from '../exits.ts'
import type { HandVerb } from './hand-verb.ts'

/** The verb, which knows the others. */
export function completionVerb(others: readonly HandVerb[]): HandVerb {
  const verb: HandVerb = {
    name: 'completion',
    summary: 'Write the completion script of a shell: bash, zsh or fish',
    positionals: ['SHELL'],
    choices: SHELLS,
    options: CONNECTION_OPTIONS.filter(({ name }) => name === 'help'),
    run: async (around, table, options) => {
      const shell = SHELLS.find((one) => one === options.positionals[0])
      if (shell === undefined) throw usage(`SHELL: must be one of ${SHELLS.join(', ')}`)
      await around.out.write(completionScript(shell, commandsOf(table), [...others, verb]))
    },
  }
  return verb
}
