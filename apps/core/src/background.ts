/**
 * What Core does by itself while it runs.
 * @module
 */
import type { Services } from './services/services.ts'

/** Starts every background job of this process. Disposing ends them. */
export async function startBackground(_services: Services): Promise<AsyncDisposable> {
  return { [Symbol.asyncDispose]: async () => undefined }
}
