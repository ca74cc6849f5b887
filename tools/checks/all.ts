import { budgets } from './budgets.ts'
import { declared } from './declared.ts'
import { docComments } from './doc-comments.ts'
import { errorsAreCurrent } from './errors-document.ts'
import { format } from './format.ts'
import { imports } from './imports.ts'
import { lint } from './lint.ts'
import { lockfile } from './lockfile.ts'
import type { Check } from './model.ts'
import { text } from './text.ts'
import { types } from './types.ts'
import { unusedExports } from './unused-exports.ts'

/** Every drift check, the slow ones first so that two cores are busy to the end. */
export const ALL_CHECKS: readonly Check[] = [
  lint,
  types,
  imports,
  format,
  budgets,
  declared,
  unusedExports,
  docComments,
  text,
  lockfile,
  errorsAreCurrent,
]
