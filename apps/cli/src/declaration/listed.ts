/**
 * What a list tells of a thing at Core.
 * @module
 */

/** A thing at Core, as a list tells of it. */
export interface Listed {
  readonly id: string
  readonly name: string
  /** False: Core made it, or it is not whole; it can be referred to, and is left alone. */
  readonly isOurs: boolean
  /** The item of the list. */
  readonly item: unknown
}
