/**
 * Text inside of HTML and XML.
 * @module
 */

/** Escapes what would end a text node or a double-quoted attribute; valid in HTML and XML alike. */
export function escapeMarkup(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
