/**
 * Text of strangers for a terminal: nothing in it moves the cursor, changes colours or turns the reading direction.
 * @module
 */

// C0, DEL, C1; line and paragraph separators; marks that embed, override or isolate a direction.
const DANGEROUS = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g

/** Each dangerous character as `\u001b`. Halves of a pair become the replacement character. */
export function safeText(text: string): string {
  return text.toWellFormed().replaceAll(DANGEROUS, escaped)
}

/** The same for text of several lines: line breaks stay. */
export function safeLines(text: string): string {
  return text.split('\n').map(safeText).join('\n')
}

/** Whether there is anything to escape. */
export function isDangerous(text: string): boolean {
  return text.search(DANGEROUS) >= 0
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** Columns that text takes on a terminal: wide characters two, marks none. Approximate where fonts differ. */
export function widthOf(text: string): number {
  let width = 0
  for (const character of text) width += widthOfCharacter(character)
  return width
}

const MARK = /^[\p{M}\u200b-\u200d\ufe0f]$/u
const WIDE =
  /^[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}\p{Emoji_Presentation}\uff01-\uff60\u3000-\u303e]$/u

function widthOfCharacter(character: string): number {
  if (character <= '\u02ff') return 1
  if (MARK.test(character)) return 0
  return WIDE.test(character) ? 2 : 1
}

/** At most `columns` wide; what is cut off shows as an ellipsis. `columns` is at least 1. */
export function clipped(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text
  let kept = ''
  let width = 0
  for (const character of text) {
    width += widthOfCharacter(character)
    if (width > columns - 1) break
    kept += character
  }
  return `${kept}…`
}
