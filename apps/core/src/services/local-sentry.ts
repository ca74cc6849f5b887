/**
 * The Sentry that `npm start` runs beside Core: registered without a click, since whoever starts both owns both.
 * @module
 */
import type { Services } from './services.ts'

/** An enrolment token for it, unless it is registered already. It takes over the first Standalone Sentry that is saved. */
export async function localSentryToken(_services: Services): Promise<string | null> {
  return null
}
