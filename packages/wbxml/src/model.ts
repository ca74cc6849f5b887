/**
 * A WBXML document as a tree. Order is kept; strings and opaque data are kept apart.
 *
 * An element without content may stand on the wire as a bare tag or as a tag with content that ends at once. MS-ASWBXML
 * gives both the same meaning, so the tree does not tell them apart and the encoder writes the bare tag.
 * @module
 */

/** A tag and what is in it. `page` 0 to 25, `token` the six bits of the tag, 0x05 to 0x3f. */
export interface WbxmlElement {
  readonly page: number
  readonly token: number
  readonly children: readonly WbxmlNode[]
}

/** An inline string. No NUL. */
export interface WbxmlText {
  readonly text: string
}

/** Bytes of any kind: MIME, identifiers. A decoded one is a view of the document's bytes, not a copy. */
export interface WbxmlOpaque {
  readonly opaque: Uint8Array
}

/** What may stand in an element. Told apart by the property that is there: `token`, `text` or `opaque`. */
export type WbxmlNode = WbxmlElement | WbxmlText | WbxmlOpaque

/** Whether a node is an element. */
export function isElement(node: WbxmlNode): node is WbxmlElement {
  return 'token' in node
}

/** An element; a string among the children becomes a text node. */
export function element(page: number, token: number, ...children: (WbxmlNode | string)[]): WbxmlElement {
  return { page, token, children: children.map((child) => (typeof child === 'string' ? { text: child } : child)) }
}

/** The first direct child with this tag, or null. */
export function findChild(parent: WbxmlElement, page: number, token: number): WbxmlElement | null {
  return parent.children.filter(isElement).find((child) => child.page === page && child.token === token) ?? null
}

/** The direct text of an element, its strings joined; '' where there is none. Elements and opaque data are passed over. */
export function textOf(parent: WbxmlElement): string {
  return parent.children.map((child) => ('text' in child ? child.text : '')).join('')
}
