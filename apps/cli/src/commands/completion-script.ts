/**
 * Completion for shells, written from the table: nouns, verbs, flags, and the values of flags that are one of a few.
 * @module
 */
import type { HandVerb } from '../verbs/hand-verb.ts'
import { type OwnOption, ownOptions } from './command-options.ts'
import { type Command, nounsOf } from './command-table.ts'

/** Shells with a script. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const
/** One of them. */
export type Shell = (typeof SHELLS)[number]

/** The script for a shell, to be sourced by it. */
export function completionScript(shell: Shell, commands: readonly Command[], verbs: readonly HandVerb[]): string {
  const tree = treeOf(commands, verbs)
  switch (shell) {
    case 'bash':
      return bashScript(tree)
    case 'zsh':
      return zshScript(tree)
    case 'fish':
      return fishScript(tree)
    default:
      return shell satisfies never
  }
}

/** Values of one flag; `isFile`: the name of a file. */
interface FlagWords {
  readonly name: string
  readonly values: readonly string[]
  readonly isFile: boolean
}

interface Leaf {
  /** One or two words. */
  readonly words: readonly string[]
  readonly flags: readonly FlagWords[]
  /** What may stand first without a flag. */
  readonly choices: readonly string[]
}

interface Tree {
  readonly first: readonly string[]
  readonly verbsOf: ReadonlyMap<string, readonly string[]>
  readonly leaves: readonly Leaf[]
}

// Only such words go into scripts: nothing of them means anything to a shell.
const PLAIN = /^[\w.-]+$/

function treeOf(commands: readonly Command[], verbs: readonly HandVerb[]): Tree {
  const nouns = nounsOf(commands)
  const leaves = [
    ...commands.map((command): Leaf => ({
      words: [command.noun, command.verb],
      flags: [
        ...command.flags.map(({ name, choices }) => ({ name, values: choices.map(String), isFile: false })),
        ...ownOptions(command).map(flagWords),
      ],
      choices: [],
    })),
    ...verbs.map(({ name, options, choices }): Leaf => ({
      words: [name],
      flags: options.map(flagWords),
      choices: choices ?? [],
    })),
  ]
  return {
    first: [...new Set([...verbs.map(({ name }) => name), ...nouns])],
    verbsOf: new Map(nouns.map((noun) => [noun, commands.filter((one) => one.noun === noun).map(({ verb }) => verb)])),
    leaves,
  }
}

function flagWords({ name, choices, value }: OwnOption): FlagWords {
  return { name, values: choices, isFile: /FILE|DIR/.test(value) }
}

function plain(words: readonly string[]): string {
  return words.filter((word) => PLAIN.test(word)).join(' ')
}

/** Lines `'label add') words='…' ;;` of a case over the words of a command. */
function leafCases(tree: Tree, assign: (words: string) => string, count: number): string {
  return tree.leaves
    .filter(({ words }) => words.length === count)
    .map(
      (leaf) =>
        `    '${leaf.words.join(' ')}') ${assign(plain([...leaf.choices, ...leaf.flags.map((f) => `--${f.name}`)]))} ;;\n`,
    )
    .join('')
}

function verbCases(tree: Tree, assign: (words: string) => string): string {
  return [...tree.verbsOf].map(([noun, verbs]) => `    '${noun}') ${assign(plain(verbs))} ;;\n`).join('')
}

/** Lines for the values of flags: `'label list --output') …`. */
function valueCases(tree: Tree, assign: (words: string) => string): string {
  return tree.leaves
    .flatMap((leaf) =>
      leaf.flags
        .filter(({ values }) => plain(values) !== '')
        .map(({ name, values }) => `    '${leaf.words.join(' ')} --${name}') ${assign(plain(values))} ;;\n`),
    )
    .join('')
}

function fileFlags(tree: Tree): string {
  const names = tree.leaves.flatMap(({ flags }) => flags.filter(({ isFile }) => isFile).map(({ name }) => `--${name}`))
  return [...new Set([...names, '-f'])].join('|')
}

function bashScript(tree: Tree): string {
  const set = (words: string): string => `words='${words}'`
  return `# bash completion for postern: source <(postern completion bash)
_postern() {
  local cur prev one two words=''
  cur="\${COMP_WORDS[COMP_CWORD]}"
  prev="\${COMP_WORDS[COMP_CWORD-1]}"
  one="\${COMP_WORDS[1]}"
  two="\${COMP_WORDS[2]}"
  COMPREPLY=()
  case "$prev" in
    ${fileFlags(tree)}) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
    -o) prev='--output' ;;
  esac
  if [ "$COMP_CWORD" -eq 1 ]; then
    words='${plain(tree.first)}'
  else
    case "$one" in
${leafCases(tree, set, 1)}    esac
    if [ "$COMP_CWORD" -eq 2 ]; then
      case "$one" in
${verbCases(tree, (words) => `words="$words ${words}"`)}      esac
    else
      case "$one $two" in
${leafCases(tree, set, 2)}      esac
    fi
    case "$one $two $prev" in
${valueCases(tree, set)}    esac
    case "$one $prev" in
${valueCases({ ...tree, leaves: tree.leaves.filter(({ words }) => words.length === 1) }, set)}    esac
  fi
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -F _postern postern
`
}

function zshScript(tree: Tree): string {
  const set = (words: string): string => `found=(${words})`
  return `#compdef postern
# zsh completion for postern: source <(postern completion zsh)
_postern() {
  local -a found
  local one=$words[2] two=$words[3] prev=$words[CURRENT-1]
  case $prev in
    ${fileFlags(tree)}) _files; return ;;
    -o) prev='--output' ;;
  esac
  if (( CURRENT == 2 )); then
    found=(${plain(tree.first)})
  else
    case $one in
${leafCases(tree, set, 1)}    esac
    if (( CURRENT == 3 )); then
      case $one in
${verbCases(tree, (words) => `found+=(${words})`)}      esac
    else
      case "$one $two" in
${leafCases(tree, set, 2)}      esac
    fi
    case "$one $two $prev" in
${valueCases(tree, set)}    esac
  fi
  compadd -a found
}
compdef _postern postern
`
}

function fishScript(tree: Tree): string {
  const lines = [
    '# fish completion for postern: postern completion fish | source',
    'complete -c postern -f',
    `complete -c postern -n '__fish_is_nth_token 1' -a '${plain(tree.first)}'`,
  ]
  for (const [noun, verbs] of tree.verbsOf) {
    lines.push(
      `complete -c postern -n '__fish_is_nth_token 2; and __fish_seen_subcommand_from ${noun}' -a '${plain(verbs)}'`,
    )
  }
  for (const { words, flags, choices } of tree.leaves) {
    const when = words.map((word) => `__fish_seen_subcommand_from ${word}`).join('; and ')
    if (choices.length > 0) lines.push(`complete -c postern -n '${when}' -a '${plain(choices)}'`)
    for (const { name, values, isFile } of flags) {
      const more = isFile ? ' -r -F' : plain(values) === '' ? '' : ` -x -a '${plain(values)}'`
      lines.push(`complete -c postern -n '${when}' -l ${name}${more}`)
    }
  }
  return `${lines.join('\n')}\n`
}
