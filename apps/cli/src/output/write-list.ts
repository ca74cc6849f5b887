/**
 * Lists as they come, page after page: memory does not grow with the list.
 * @module
 */
import type { OutputForm } from '../commands/command-options.ts'
import type { Sink } from '../surroundings.ts'
import { tableLayout } from './table.ts'
import { toJson, toJsonLine, toYaml } from './write-value.ts'

/** Rows from which a table takes its widths, and rows that are written at once. */
const BATCH = 100

/** Writes items; resolves with how many there were. */
export async function writeList(
  items: AsyncIterable<unknown>,
  form: OutputForm,
  columns: readonly string[],
  out: Sink,
): Promise<number> {
  const writer = WRITERS[form](columns, out)
  let batch: unknown[] = []
  let count = 0
  for await (const item of items) {
    batch.push(item)
    count += 1
    if (batch.length < BATCH) continue
    await out.write(writer.items(batch))
    batch = []
  }
  if (batch.length > 0) await out.write(writer.items(batch))
  await out.write(writer.end(count))
  return count
}

interface ListWriter {
  items(batch: readonly unknown[]): string
  end(count: number): string
}

const WRITERS: Readonly<Record<OutputForm, (columns: readonly string[], out: Sink) => ListWriter>> = {
  table: (columns, out) => {
    let layout: ReturnType<typeof tableLayout> | null = null
    return {
      items: (batch) => {
        const header = layout === null
        layout ??= tableLayout(columns, batch, out.columns)
        return (header ? layout.header() : '') + layout.rows(batch)
      },
      end: () => '',
    }
  },
  json: () => {
    let first = true
    return {
      items: (batch) =>
        batch
          .map((item) => {
            const text = `${first ? '[\n' : ',\n'}  ${toJson(item).replaceAll('\n', '\n  ')}`
            first = false
            return text
          })
          .join(''),
      end: (count) => (count === 0 ? '[]\n' : '\n]\n'),
    }
  },
  jsonl: () => ({ items: (batch) => batch.map((item) => `${toJsonLine(item)}\n`).join(''), end: () => '' }),
  yaml: () => ({ items: (batch) => toYaml(batch), end: (count) => (count === 0 ? '[]\n' : '') }),
}
