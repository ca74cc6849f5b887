/**
 * Places in a YAML document: problems are told with the line that they stand in.
 * @module
 */
import { isMap, isScalar, isSeq, type LineCounter, type Node } from 'yaml'

/** The node that a dotted path (`labels.a.filter`, `pairs[0].key`) leads to, or the last one on the way that is there. */
function nodeAt(root: Node | null, path: string): Node | null {
  let node = root
  let at = root
  let rest = path
  while (rest !== '' && node !== null) {
    const step = stepInto(node, rest)
    if (step === null) break
    node = step.node
    at = step.place ?? at
    rest = step.rest
  }
  return at
}

interface Step {
  readonly node: Node | null
  /** Where the step is written: the key of a member, an item itself. */
  readonly place: Node | null
  readonly rest: string
}

function stepInto(node: Node, path: string): Step | null {
  if (isSeq(node)) {
    const [whole, index] = /^\[(\d+)\]\.?/.exec(path) ?? []
    const item = whole === undefined ? undefined : node.items[Number(index)]
    if (whole === undefined || item === undefined) return null
    return { node: item as Node, place: item as Node, rest: path.slice(whole.length) } // composed nodes, never raw values
  }
  if (!isMap(node)) return null
  // Names may hold dots themselves: the longest key that fits is the one.
  const fitting = node.items
    .filter(({ key }) => isScalar(key) && follows(path, String(key.value)))
    .sort((a, b) => String(b.key).length - String(a.key).length)
  const [pair] = fitting
  if (pair === undefined || !isScalar(pair.key)) return null
  const rest = path.slice(String(pair.key.value).length).replace(/^\./, '')
  return { node: pair.value as Node | null, place: pair.key, rest }
}

function follows(path: string, key: string): boolean {
  return path.startsWith(key) && (path.length === key.length || path[key.length] === '.' || path[key.length] === '[')
}

/** Line of a path, from 1; null for what stands nowhere. */
export function lineOf(root: Node | null, lines: LineCounter, path: string): number | null {
  const start = nodeAt(root, path)?.range?.[0]
  return start === undefined ? null : lines.linePos(start).line
}
