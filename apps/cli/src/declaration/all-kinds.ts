/**
 * Every section of the document, in the order in which they depend on each other.
 * @module
 */
import { DECLARATION_SECTIONS, type DeclarationSection } from '@postern/contract/api/declaration'
import { CERTIFICATE_KINDS } from './certificate-kinds.ts'
import { CONFIGURATION_KINDS } from './configuration-kinds.ts'
import type { Kind } from './kind.ts'
import { PLAIN_KINDS } from './plain-kinds.ts'

const ALL = [...PLAIN_KINDS, ...CERTIFICATE_KINDS, ...CONFIGURATION_KINDS]

/** See the module's comment. */
export const KINDS: readonly Kind[] = DECLARATION_SECTIONS.map(kindOf)

/** The kind of a section. */
export function kindOf(section: DeclarationSection): Kind {
  const found = ALL.find((kind) => kind.section === section)
  if (found === undefined) throw new Error(`section ${section} has no kind`)
  return found
}
