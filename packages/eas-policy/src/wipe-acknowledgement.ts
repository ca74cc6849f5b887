/**
 * What a device says in a Provision request about a wipe.
 *
 * Document: MS-ASPROV 2.2.2.1, 2.2.2.45 and 2.2.2.54 (AccountOnlyRemoteWipe, RemoteWipe, Status). Input is untrusted
 * and at most 256 KiB. Lenient about the place of the Status, because clients differ: a false report of success
 * gains a device nothing, it stays blocked.
 * @module
 */
import { WbxmlError, decodeWbxml } from '@postern/wbxml/decode'
import { isElement, textOf } from '@postern/wbxml/model'
import type { WbxmlElement } from '@postern/wbxml/model'

/** A report; `none` is any other Provision request, `undecodable` one that cannot be read. */
export type WipeReport = 'none' | 'succeeded' | 'failed' | 'undecodable'

/** A Provision request is a few hundred bytes; device information makes it a few thousand. */
const LIMITS = { maxBytes: 262_144, maxElements: 10_000 }

const PROVISION_PAGE = 0x0e
const PROVISION = 0x05
const STATUS = 0x0b
const WIPES: ReadonlySet<number> = new Set([0x0c, 0x3b])

/** Reads the body of a Provision request; null or no bytes is a request without a report. Never throws. */
export function readWipeReport(body: Uint8Array | null): WipeReport {
  if (body === null || body.length === 0) return 'none'
  let root: WbxmlElement
  try {
    root = decodeWbxml(body, LIMITS)
  } catch (error) {
    if (error instanceof WbxmlError) return 'undecodable'
    throw error
  }
  if (root.page !== PROVISION_PAGE || root.token !== PROVISION) return 'undecodable'
  const statuses = wipeStatuses(root)
  if (statuses.length === 0) return 'none'
  return statuses.every((status) => status === '1') ? 'succeeded' : 'failed'
}

/**
 * The Status of each wipe element, wherever it is: inside it, as the document has it, else beside it, as old iOS
 * sends it.
 */
function wipeStatuses(root: WbxmlElement): string[] {
  const found: string[] = []
  const open: WbxmlElement[] = [root]
  for (let parent = open.pop(); parent !== undefined; parent = open.pop()) {
    const children = parent.children.filter(isElement)
    for (const child of children) {
      if (child.page !== PROVISION_PAGE || !WIPES.has(child.token)) continue
      const inside = statusesAmong(child.children.filter(isElement))
      found.push(...(inside.length > 0 ? inside : statusesAmong(children)))
    }
    open.push(...children)
  }
  return found
}

function statusesAmong(elements: readonly WbxmlElement[]): string[] {
  return elements.filter(({ page, token }) => page === PROVISION_PAGE && token === STATUS).map(textOf)
}
