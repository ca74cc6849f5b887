/**
 * `postern apply -f postern.yaml`: makes Core as a document says.
 * @module
 */
import { dirname, resolve } from 'node:path'
import { DECLARATION_BYTES } from '@postern/contract/api/declaration'
import { CONNECTION_OPTIONS, ownOption } from '../commands/command-options.ts'
import { valueOf } from '../commands/parse-options.ts'
import { connect } from '../connection/connect.ts'
import { planFor, type Step } from '../declaration/plan.ts'
import { stepText, summaryText } from '../declaration/plan-text.ts'
import { readDocument } from '../declaration/read-document.ts'
import { CliError, usage } from '../exits.ts'
import type { Surroundings } from '../surroundings.ts'
import type { HandVerb } from './hand-verb.ts'
import { readLocalFile } from './local-file.ts'

/** A PEM file that a document names, at most. Bytes. */
const FILE_BYTES = 262_144

/** See the module's comment. */
export const applyVerb: HandVerb = {
  name: 'apply',
  summary: 'Make Core as a document says, and show what that changes',
  positionals: [],
  options: [
    ownOption('file', 'FILE', 'the document (YAML); - is standard input'),
    ownOption('dry-run', '', 'only show what would be done'),
    ownOption('prune', '', 'remove what is at Core in the sections of the document, and not in it'),
    ...CONNECTION_OPTIONS,
  ],
  run: async (around, _table, options) => {
    const file = valueOf(options, 'file')
    if (file === null) throw usage('file: is missing; give the document with -f postern.yaml')
    const document = readDocument(file, await readLocalFile(around, file, DECLARATION_BYTES))
    const folder = file === '-' ? '.' : dirname(file)
    const readText = async (name: string): Promise<string> =>
      new TextDecoder().decode(await readLocalFile(around, resolve(folder, name), FILE_BYTES))
    const client = await connect(around, options)
    const steps = await planFor({ client, document, readText, prune: options.values.has('prune') })
    if (options.values.has('dry-run')) {
      for (const step of steps) await around.out.write(stepText(step))
      return around.out.write(summaryText(steps))
    }
    await carryOut(around, steps)
  },
}

/** Stops at the first refusal, and says what was done and what was not. */
async function carryOut(around: Surroundings, steps: readonly Step[]): Promise<void> {
  const due = steps.filter(({ action }) => action !== 'unchanged')
  for (const [index, step] of due.entries()) {
    try {
      await step.run()
    } catch (error) {
      if (!(error instanceof CliError)) throw error
      const rest = due.slice(index).map(nameOf)
      const done = `done: ${index} of ${due.length}; not done: ${rest.join(', ')}`
      throw new CliError(error.fault, `${nameOf(step)} failed\n${error.message}\n${done}\nmend it and apply again`, {
        cause: error,
      })
    }
    await around.out.write(stepText(step))
  }
  await around.out.write(`${due.length} done, ${steps.length - due.length} unchanged\n`)
}

function nameOf({ kind, name }: Step): string {
  return `${kind.title} ${JSON.stringify(name)}`
}
