/**
 * Steps of the demonstration: each is run, judged against what was expected, and told in one line.
 * @module
 */

/** What a step saw, and whether that is what was expected. */
export interface Seen {
  seen: string
  holds: boolean
  /** Overrides the measured time, in milliseconds, where only a part of the step is of interest. */
  ms?: number
}

/** A step that was run. */
export interface StepResult extends Seen {
  number: number
  name: string
  expected: string
  ms: number
}

/** Runs steps and tells them. A step that fails does not keep the next from being tried. */
export class Steps {
  readonly results: StepResult[] = []
  readonly #print: (line: string) => void

  constructor(print: (line: string) => void) {
    this.#print = print
  }

  /** Runs one step; what it throws is what was seen. */
  async run(name: string, expected: string, act: () => Promise<Seen>): Promise<StepResult> {
    const since = performance.now()
    const seen = await act().catch((cause: unknown): Seen => ({ seen: wordsOf(cause), holds: false }))
    const result = { ms: performance.now() - since, ...seen, number: this.results.length + 1, name, expected }
    this.results.push(result)
    this.#print(lineOf(result))
    return result
  }

  /** Whether every step so far held. */
  get hold(): boolean {
    return this.results.every(({ holds }) => holds)
  }

  /** One line over all. */
  summary(): string {
    const failed = this.results.filter(({ holds }) => !holds)
    const all = String(this.results.length)
    if (failed.length === 0) return `all ${all} steps held`
    return `${String(failed.length)} of ${all} steps FAILED: ${failed.map(({ number }) => String(number)).join(', ')}`
  }
}

function lineOf({ number, name, expected, seen, holds, ms }: StepResult): string {
  const head = `${String(number).padStart(2)}  ${holds ? 'ok    ' : 'FAILED'}  ${name.padEnd(42)}`
  return `${head}  expected: ${expected}  seen: ${seen}  ${ms.toFixed(0)} ms`
}

function wordsOf(cause: unknown): string {
  const text = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause)
  return text.replaceAll(/\s+/g, ' ').slice(0, 400)
}
