/**
 * Values as JSON, JSON lines or YAML, none of which carries a control character to the terminal.
 * @module
 */
import { Document, isScalar, Scalar, visit } from 'yaml'
import { isDangerous, safeText } from './safe-text.ts'

/** JSON with two spaces. Characters that a terminal would act on are escaped, which JSON reads as the same text. */
export function toJson(value: unknown, indent = 2): string {
  return JSON.stringify(value, null, indent).split('\n').map(safeText).join('\n')
}

/** One line. */
export function toJsonLine(value: unknown): string {
  return toJson(value, 0)
}

/** YAML 1.2. Texts with dangerous characters are quoted, and those escaped. */
export function toYaml(value: unknown): string {
  const document = new Document(value, { aliasDuplicateObjects: false })
  quoteDangerous(document)
  return document.toString({ lineWidth: 0 }).split('\n').map(safeText).join('\n')
}

function quoteDangerous(document: Document): void {
  visit(document, {
    Scalar: (_, node) => {
      if (isScalar(node) && typeof node.value === 'string' && isDangerous(node.value.replaceAll('\n', ''))) {
        node.type = Scalar.QUOTE_DOUBLE
      }
    },
  })
}
