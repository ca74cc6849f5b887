/**
 * Whoever is not signed in yet, or just did.
 * @module
 */
import type { Actor } from '../../audit/chain.ts'

/** Where a request comes from. `direct`: no proxy has said that it passes it on. */
export interface Visitor {
  readonly remote: string
  readonly requestId: string
  readonly direct: boolean
}

/** Nobody, for the audit log. */
export function nobody({ remote, requestId }: Visitor): Actor {
  return { kind: 'system', id: null, name: 'nobody signed in', remote, requestId }
}

/** Somebody who has just shown who they are, for the audit log. */
export function somebody({ remote, requestId }: Visitor, administrator: { id: string; user_name: string }): Actor {
  return { kind: 'administrator', id: administrator.id, name: administrator.user_name, remote, requestId }
}
