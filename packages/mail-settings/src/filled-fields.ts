/**
 * Several texts of one configuration filled at once, so that everything that is missing is told together.
 * @module
 */
import { ContractError, type Problem } from '@postern/contract/problems'
import { substitute, type VariableFacts } from './substitution.ts'

/** Fills texts one after the other and remembers what was missing. */
export interface Filling {
  /** The text with facts put in; not to be used before {@link Filling.unresolved} is known to be empty. */
  fill(path: string, template: string): string
  /** Variables without a value (`$NAME$`), each once, in order of appearance. */
  unresolved(): readonly string[]
}

/** A filling for one user and device. */
export function startFilling(facts: VariableFacts): Filling {
  const missing = new Set<string>()
  return {
    fill(path, template) {
      const { text, unresolved, problems } = substitute(template, facts)
      for (const name of unresolved) missing.add(name)
      if (problems.length > 0)
        throw new ContractError(
          'configuration',
          problems.map((message): Problem => ({ path, message })),
        )
      return text
    },
    unresolved: () => [...missing],
  }
}
