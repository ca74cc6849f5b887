/**
 * `npm run errors`: writes docs/errors.md from the Sentry's table of reasons.
 * @module
 */
import { writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { ERRORS_FILE, errorsDocument } from './checks/errors-document.ts'

await writeFile(join(resolve(import.meta.dirname, '..'), ERRORS_FILE), errorsDocument())
