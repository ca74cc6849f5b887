/**
 * The first administrator: through a one-time link, once.
 * @module
 */
import type { Services } from '../services.ts'

/** A new one-time secret of the set-up link, good until the first administrator exists; null when one does. */
export async function openSetUp(_services: Services): Promise<string | null> {
  return null
}
