/**
 * Replies that are well-formed and yet say that something is not as it should be: scripts see it by the exit code.
 * @module
 */
import { at, member, textOf } from '../json.ts'

/** What is wrong, by endpoint; null: nothing. */
const FAULTS: Readonly<Record<string, (body: unknown) => string | null>> = {
  verifyAudit: (body) => {
    if (member(body, 'ok') === true) return null
    const problem = member(body, 'problem')
    return `the audit log is broken at row ${String(member(problem, 'seq'))}: ${textOf(problem, 'kind')}; ${textOf(problem, 'message')}`
  },
  importUsers: (body) => {
    if (member(body, 'applied') === true || member(body, 'dryRun') === true) return null
    return `nothing was imported: ${String(at(body, ['refused']))} rows have problems; mend them, or use --partial`
  },
}

/** A text for people; null when all is well. */
export function faultOf(endpoint: string, body: unknown): string | null {
  return Object.hasOwn(FAULTS, endpoint) ? (FAULTS[endpoint]?.(body) ?? null) : null
}
