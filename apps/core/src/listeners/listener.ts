/**
 * What every listener is to whoever starts it.
 * @module
 */

/** A listener. Disposing ends it; requests under way finish first. */
export interface Listener extends AsyncDisposable {
  readonly port: number
}
