/**
 * `postern export`: what is at Core as a document for `postern apply`.
 * @module
 */
import { DECLARATION_SECTIONS } from '@postern/contract/api/declaration'
import { CONNECTION_OPTIONS, ownOption } from '../commands/command-options.ts'
import { meant } from '../commands/nearest.ts'
import { valueOf } from '../commands/parse-options.ts'
import { connect } from '../connection/connect.ts'
import { writePrivateFile } from '../connection/credentials.ts'
import { exportDocument } from '../declaration/export-document.ts'
import { usage } from '../exits.ts'
import { toYaml } from '../output/write-value.ts'
import type { HandVerb } from './hand-verb.ts'

/** People are many and come from a directory: only when they are asked for. */
const USUAL = DECLARATION_SECTIONS.filter((section) => section !== 'users')

/** See the module's comment. */
export const exportVerb: HandVerb = {
  name: 'export',
  summary: 'Write what is at Core as a document for postern apply, without secrets',
  positionals: [],
  options: [
    ownOption('section', 'NAME', `only this one, repeated for more; usually all but users`, {
      repeats: true,
      choices: DECLARATION_SECTIONS,
    }),
    ownOption('out', 'FILE', 'write to a file that only you can read'),
    ...CONNECTION_OPTIONS,
  ],
  run: async (around, _table, options) => {
    const sections = (options.values.get('section') ?? USUAL).map((name) => {
      const found = DECLARATION_SECTIONS.find((section) => section === name)
      if (found !== undefined) return found
      throw usage(`section: must be one of ${DECLARATION_SECTIONS.join(', ')}${meant(name, DECLARATION_SECTIONS)}`)
    })
    const { document, hidden } = await exportDocument(await connect(around, options), sections)
    const text = toYaml(document)
    const file = valueOf(options, 'out')
    if (file === null) await around.out.write(text)
    else await writePrivateFile(file, (write) => write(text))
    if (hidden.length > 0) await around.err.write(`not allowed to see: ${hidden.join(', ')}\n`)
  },
}
