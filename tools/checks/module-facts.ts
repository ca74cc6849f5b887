/**
 * What a TypeScript file exports and imports, read from its syntax alone.
 * @module
 */
import { readFile } from 'node:fs/promises'
import { dirname, join, posix } from 'node:path'
import ts from 'typescript'
import type { Workspace } from './workspaces.ts'

/** An exported name. A name that is both a value and a type is one export; either may carry the comment. */
export interface ExportFact {
  readonly name: string
  /** Counted from 1. */
  readonly line: number
  readonly kind: 'value' | 'type'
  readonly documented: boolean
}

/** An import or re-export. `names` is null when everything is taken (`* as x`, `export *`, `import()`). */
export interface ImportFact {
  readonly specifier: string
  readonly names: readonly string[] | null
}

/** `file` is relative to the root, with `/`. */
export interface ModuleFacts {
  readonly file: string
  readonly exports: readonly ExportFact[]
  readonly imports: readonly ImportFact[]
}

/** @throws Error of the file system; a file that does not parse gives what could be read of it. */
export async function readModule(root: string, file: string): Promise<ModuleFacts> {
  const text = await readFile(join(root, file), 'utf8')
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  const exports = new Map<string, ExportFact>()
  for (const fact of source.statements.flatMap((statement) => exportsOf(statement, source))) {
    const known = exports.get(fact.name)
    exports.set(fact.name, known === undefined ? fact : merged(known, fact))
  }
  return { file, exports: [...exports.values()], imports: importsOf(source) }
}

/** The file that a specifier means, relative to the root; null for packages that are not ours. */
export function resolveOurs(from: string, specifier: string, workspaces: readonly Workspace[]): string | null {
  if (specifier.startsWith('.')) return posix.join(dirname(from), specifier)
  for (const { name, folder, exports } of workspaces) {
    if (!specifier.startsWith(`${name}/`)) continue
    const target = exports.get(`.${specifier.slice(name.length)}`)
    return target === undefined ? null : posix.join(folder, target)
  }
  return null
}

function merged(one: ExportFact, other: ExportFact): ExportFact {
  const kind = one.kind === 'value' || other.kind === 'value' ? 'value' : 'type'
  return { ...one, kind, documented: one.documented || other.documented }
}

function exportsOf(statement: ts.Statement, source: ts.SourceFile): ExportFact[] {
  const line = source.getLineAndCharacterOfPosition(statement.getStart(source)).line + 1
  if (ts.isExportDeclaration(statement)) return reExports(statement, line)
  if (ts.isExportAssignment(statement))
    return [{ name: 'default', line, kind: 'value', documented: isDocumented(statement) }]
  const exported =
    ts.canHaveModifiers(statement) &&
    ts.getModifiers(statement)?.some((modifier) => modifier.kind === ts.SyntaxKind.ExportKeyword) === true
  if (!exported) return []
  const kind = ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement) ? 'type' : 'value'
  const documented = isDocumented(statement)
  return declaredNames(statement).map((name) => ({ name, line, kind, documented }))
}

/** A re-export is documented where it is declared. */
function reExports(statement: ts.ExportDeclaration, line: number): ExportFact[] {
  const { exportClause, isTypeOnly } = statement
  if (exportClause === undefined || !ts.isNamedExports(exportClause)) return []
  return exportClause.elements.map((element) => ({
    name: element.name.text,
    line,
    kind: isTypeOnly || element.isTypeOnly ? 'type' : 'value',
    documented: true,
  }))
}

function declaredNames(statement: ts.Statement): string[] {
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.flatMap(({ name }) => bindingNames(name))
  }
  const named =
    ts.isFunctionDeclaration(statement) ||
    ts.isClassDeclaration(statement) ||
    ts.isInterfaceDeclaration(statement) ||
    ts.isTypeAliasDeclaration(statement)
  return named ? [statement.name?.text ?? 'default'] : []
}

function bindingNames(name: ts.BindingName): string[] {
  if (ts.isIdentifier(name)) return [name.text]
  return name.elements.flatMap((element) => (ts.isBindingElement(element) ? bindingNames(element.name) : []))
}

function isDocumented(node: ts.Node): boolean {
  return ts.getJSDocCommentsAndTags(node).some((entry) => ts.isJSDoc(entry) && !isModuleComment(entry))
}

// The header of a file sits on its first statement when nothing is imported; it does not document that statement.
function isModuleComment(comment: ts.JSDoc): boolean {
  return comment.tags?.some((tag) => tag.tagName.text === 'module') === true
}

function importsOf(source: ts.SourceFile): ImportFact[] {
  const found: ImportFact[] = []
  const visit = (node: ts.Node): void => {
    if ((ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier !== undefined) {
      if (ts.isStringLiteral(node.moduleSpecifier)) {
        found.push({ specifier: node.moduleSpecifier.text, names: takenNames(node) })
      }
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [target] = node.arguments
      if (target !== undefined && ts.isStringLiteral(target)) found.push({ specifier: target.text, names: null })
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      if (ts.isStringLiteral(node.argument.literal)) found.push({ specifier: node.argument.literal.text, names: null })
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

function takenNames(node: ts.ImportDeclaration | ts.ExportDeclaration): string[] | null {
  if (ts.isExportDeclaration(node)) {
    if (node.exportClause === undefined || !ts.isNamedExports(node.exportClause)) return null
    return node.exportClause.elements.map((element) => (element.propertyName ?? element.name).text)
  }
  const names = node.importClause?.name === undefined ? [] : ['default']
  const bindings = node.importClause?.namedBindings
  if (bindings === undefined) return names
  if (ts.isNamespaceImport(bindings)) return null
  return [...names, ...bindings.elements.map((element) => (element.propertyName ?? element.name).text)]
}
