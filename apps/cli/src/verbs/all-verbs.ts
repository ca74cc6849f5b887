/**
 * Every verb that is not derived from the table.
 * @module
 */
import { applyVerb } from './apply.ts'
import { backup, restore } from './backup.ts'
import { completionVerb } from './completion.ts'
import { exportVerb } from './export.ts'
import type { HandVerb } from './hand-verb.ts'
import { logIn, logOut } from './log-in.ts'
import { setUp } from './set-up.ts'
import { status } from './status.ts'
import { versionVerb } from './version.ts'
import { why } from './why.ts'

const OTHERS: readonly HandVerb[] = [
  setUp,
  logIn,
  logOut,
  status,
  why,
  applyVerb,
  exportVerb,
  backup,
  restore,
  versionVerb,
]

/** In the order in which help shows them. */
export const HAND_VERBS: readonly HandVerb[] = [...OTHERS, completionVerb(OTHERS)]
