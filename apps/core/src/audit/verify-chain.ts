/**
 * Verifies the audit log's chain: every row's code again, in order, and the head at the end. Pure but for the rows that
 * it is given.
 * @module
 */
import type { AuditProblem, AuditVerdict } from '@postern/contract/api/audit'
import { type AuditFacts, chainMac, sameMac } from './chain.ts'

/** A row as it lies in the table. `mac`: 32 bytes. */
export interface AuditRow extends AuditFacts {
  readonly mac: Buffer
}

/** The last row, as the log's head names it. `seq` 0 and an empty `mac` before the first. */
export interface AuditHead {
  readonly seq: number
  readonly mac: Buffer
}

/** A row that somebody kept elsewhere. `mac`: hex. */
export interface AuditAnchor {
  readonly seq: number
  readonly mac: string
}

/** Rows after a broken one that are looked through for where it belongs. */
const REORDER_WINDOW = 60

/** `pages`: all rows by number, as much at a time as memory may hold. `key`: 32 bytes. */
export async function verifyChain(
  pages: AsyncIterable<readonly AuditRow[]>,
  head: AuditHead,
  key: Buffer,
  anchor: AuditAnchor | null,
): Promise<AuditVerdict> {
  let previous: AuditHead = { seq: 0, mac: Buffer.alloc(0) }
  let rows = 0
  let problem: AuditProblem | null = null
  let anchored = anchor === null
  for await (const page of pages) {
    for (const [i, row] of page.entries()) {
      problem ??= rowProblem(key, previous, row, page.slice(i, i + REORDER_WINDOW))
      if (row.seq === anchor?.seq && row.mac.toString('hex') === anchor.mac) anchored = true
      previous = row
    }
    rows += page.length
  }
  problem ??= headProblem(previous, head)
  if (problem === null && anchor !== null && !anchored) {
    problem = found(anchor.seq, 'changed', `row ${anchor.seq} is not the one that you kept`)
  }
  const mac = head.mac.length === 0 ? null : head.mac.toString('hex')
  return { ok: problem === null, rows, head: { seq: head.seq, mac }, problem }
}

function rowProblem(
  key: Buffer,
  previous: AuditHead,
  row: AuditRow,
  following: readonly AuditRow[],
): AuditProblem | null {
  const expected = previous.seq + 1
  if (row.seq !== expected) {
    return found(expected, 'removed', `rows ${expected} to ${row.seq - 1} are missing`)
  }
  if (sameMac(row.mac, chainMac(key, previous.mac, facts(row)))) return null
  const home = placeOf(key, previous, row, following)
  if (home !== null) return found(row.seq, 'reordered', `the row that lies here was written as row ${home}`)
  return found(row.seq, 'changed', `row ${row.seq} is not what Core wrote: it was changed, or is forged`)
}

/** Where a genuine row belongs: the number and the code before it with which its own code is right. */
function placeOf(key: Buffer, previous: AuditHead, row: AuditRow, following: readonly AuditRow[]): number | null {
  const codes = [previous.mac, ...following.map(({ mac }) => mac)]
  for (const { seq } of following.slice(1)) {
    for (const code of codes) if (sameMac(row.mac, chainMac(key, code, { ...facts(row), seq }))) return seq
  }
  return null
}

function headProblem(last: AuditHead, head: AuditHead): AuditProblem | null {
  if (last.seq < head.seq) {
    return found(last.seq + 1, 'truncated', `rows ${last.seq + 1} to ${head.seq} are missing at the end`)
  }
  if (last.seq === head.seq && sameMac(last.mac, head.mac)) return null
  return found(head.seq, 'changed', 'the head of the log is not its last row: it was set back or changed')
}

function found(seq: number, kind: AuditProblem['kind'], message: string): AuditProblem {
  return { seq, kind, message }
}

function facts({ mac: _, ...rest }: AuditRow): AuditFacts {
  return rest
}
