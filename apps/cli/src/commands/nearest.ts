/**
 * What somebody may have meant.
 * @module
 */

/** Longest word that is compared; longer ones are no slip of a finger. */
const LONGEST = 64

/** The candidate with the fewest slips, at most a third of its letters; null when none is near. */
export function nearest(word: string, candidates: Iterable<string>): string | null {
  let best: { readonly name: string; readonly slips: number } | null = null
  for (const name of candidates) {
    const slips = slipsBetween(word.slice(0, LONGEST).toLowerCase(), name.slice(0, LONGEST).toLowerCase())
    if (slips <= Math.max(1, Math.floor(name.length / 3)) && slips < (best?.slips ?? Infinity)) best = { name, slips }
  }
  return best?.name ?? null
}

/** `; did you mean X?`, or nothing. */
export function meant(word: string, candidates: Iterable<string>): string {
  const found = nearest(word, candidates)
  return found === null ? '' : `; did you mean ${found}?`
}

/** Letters that are wrong, missing, too many, or in the place of their neighbour. */
function slipsBetween(a: string, b: string): number {
  let above: number[] = []
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (const [index, letter] of [...a].entries()) {
    const next = [index + 1]
    for (const [place, other] of [...b].entries()) {
      const replaced = (row[place] ?? 0) + (letter === other ? 0 : 1)
      const isSwapped = place > 0 && letter === b[place - 1] && a[index - 1] === other
      const swapped = isSwapped ? (above[place - 1] ?? 0) + 1 : Infinity
      next.push(Math.min(replaced, swapped, (row[place + 1] ?? 0) + 1, (next[place] ?? 0) + 1))
    }
    above = row
    row = next
  }
  return row[b.length] ?? 0
}
