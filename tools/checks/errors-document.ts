/**
 * docs/errors.md is made from the table of reasons; this check finds it out of date.
 * @module
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type ReasonRow, REASONS } from '@postern/sentry/reasons'
import type { Check } from './model.ts'

/** Relative to the root. */
export const ERRORS_FILE = 'docs/errors.md'

/** The document as it should be. */
export function errorsDocument(): string {
  const rows = Object.entries<ReasonRow>(REASONS).map(
    ([name, { eas, http, posture, alarm, remedy }]) =>
      `| \`${name}\` | ${eas ?? '-'} | ${http} | ${kindOf(posture, alarm)} | ${remedy} |`,
  )
  return [
    '# Reasons of a Sentry',
    '',
    'Made from `apps/sentry/src/decision/reasons.ts` by `npm run errors`; do not edit.',
    '',
    'They stand in `reasons` of an audit line, the deciding one first. A *posture* reason is let through in report mode;',
    'an *alarm* is what no honest client does, and its audit line has `"event": "alarm"`. The EAS Status is told to',
    'clients of 14.0 and later, the HTTP code to older ones and where no ActiveSync answer fits.',
    '',
    '| reason | EAS Status | HTTP | kind | what it means, what to do |',
    '|---|---|---|---|---|',
    ...rows,
    '',
  ].join('\n')
}

function kindOf(posture: boolean, alarm: boolean): string {
  if (posture) return 'posture'
  return alarm ? 'alarm' : 'form'
}

/** Compares the file with the table. */
export const errorsAreCurrent: Check = {
  name: 'errors',
  async run(root) {
    const written = await readFile(join(root, ERRORS_FILE), 'utf8').catch(() => '')
    if (written === errorsDocument()) return []
    return [{ where: ERRORS_FILE, message: 'differs from the table of reasons; run npm run errors' }]
  },
}
