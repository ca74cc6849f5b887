/**
 * Sends reports to Core, with whom we saw since the last one that got through.
 * @module
 */
import { FEED_PATHS } from '@postern/contract/feed/enrolment'
import type { Log } from '../config/log.ts'
import { type CoreClient, CoreError } from '../feed/core-client.ts'
import { type ReportOutcome, ReportTimer } from '../feed/report-timer.ts'
import type { AssociationBook } from './association-book.ts'
import { gatewayReport, type ReportParts } from './gateway-report.ts'

/** Where a report comes from, and whom it goes to. `now`: ms since 1970. */
export interface ReportSources {
  readonly log: Log
  readonly book: AssociationBook
  client(): CoreClient
  /** While the feed is closed nothing is sent; its next opening asks for a report. */
  isConnected(): boolean
  parts(): Promise<Omit<ReportParts, 'associations'>>
  now(): number
  revoked(why: string): void
}

/** Reports until disposed. */
export function startReports(sources: ReportSources): ReportTimer {
  const { log, book } = sources
  let failedTold = false
  const failed = (error: unknown, client: CoreClient): ReportOutcome => {
    const isRefused = error instanceof CoreError && error.kind === 'refused'
    if (isRefused && client === sources.client()) sources.revoked(error.message)
    else if (!failedTold) {
      log('problem', 'report-failed', { problem: error instanceof Error ? error.message : 'unknown fault' })
    }
    failedTold = true
    return 'failed'
  }
  return new ReportTimer(async () => {
    if (!sources.isConnected()) return 'done'
    const batch = book.take(sources.now())
    const report = gatewayReport({ ...(await sources.parts()), associations: batch.associations })
    const client = sources.client()
    try {
      await client.post(FEED_PATHS.report, report)
    } catch (error) {
      return failed(error, client)
    }
    failedTold = false
    batch.delivered(sources.now())
    return batch.more ? 'more' : 'done'
  })
}
