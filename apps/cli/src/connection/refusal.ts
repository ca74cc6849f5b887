/**
 * Problem documents (RFC 9457) as Core sends them, and what to make of refusals by something else on the way.
 * @module
 */
import { listOf, textOf } from '../json.ts'

/** Why Core said no. */
export interface Refusal {
  readonly status: number
  /** A code of the contract; `''` when the answer is not Core's. */
  readonly code: string
  readonly title: string
  readonly detail: string
  /** Each with `path` and `message`. */
  readonly problems: readonly unknown[]
}

/** Total: what is no problem document becomes one that tells its status. */
export function refusalFrom(status: number, bytes: Uint8Array): Refusal {
  const body = parsed(bytes)
  return {
    status,
    code: textOf(body, 'code'),
    title: textOf(body, 'title', `HTTP ${status}`),
    detail: textOf(body, 'detail', 'this does not come from Core; check the address'),
    problems: listOf(body, 'problems'),
  }
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes))
  } catch {
    return null // an error page of a proxy
  }
}
