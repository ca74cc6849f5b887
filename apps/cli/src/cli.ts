/**
 * From words to a command: verbs of several calls, then the table, then help.
 * @module
 */
import type { EndpointTable } from '@postern/contract/api/endpoint'
import { specsFrom } from './commands/command-options.ts'
import { type Command, commandsOf, nounsOf } from './commands/command-table.ts'
import { commandHelp, handVerbHelp, nounHelp, topHelp } from './commands/help.ts'
import { meant } from './commands/nearest.ts'
import { parseOptions } from './commands/parse-options.ts'
import { CliError, EXITS, usage } from './exits.ts'
import { safeLines } from './output/safe-text.ts'
import type { Surroundings } from './surroundings.ts'
import { HAND_VERBS } from './verbs/all-verbs.ts'
import type { HandVerb } from './verbs/hand-verb.ts'
import { runCommand } from './verbs/run-command.ts'

/** Runs one command line and says how it ended: one of {@link EXITS}. */
export async function runCli(args: readonly string[], around: Surroundings, table: EndpointTable): Promise<number> {
  try {
    await dispatch(args, around, table)
    return EXITS.ok
  } catch (error) {
    if (!(error instanceof CliError)) throw error
    await around.err.write(`${safeLines(error.message)}\n`)
    return EXITS[error.fault]
  }
}

async function dispatch(args: readonly string[], around: Surroundings, table: EndpointTable): Promise<void> {
  const commands = commandsOf(table)
  const [first, second] = args
  if (first === undefined || asksForHelp([first]) || first === 'help') {
    await around.out.write(topHelp(commands, HAND_VERBS))
    if (first === undefined) throw usage('give a command')
    return
  }
  const command = commands.find(({ noun, verb }) => noun === first && verb === second)
  if (command !== undefined) return runDerived(command, args.slice(2), around, table)
  const hand = HAND_VERBS.find(({ name }) => name === first)
  if (hand !== undefined) return runHand(hand, args.slice(1), around, table)
  return refuse(first, second, commands, around)
}

async function runDerived(
  command: Command,
  args: readonly string[],
  around: Surroundings,
  table: EndpointTable,
): Promise<void> {
  if (asksForHelp(args)) return around.out.write(commandHelp(command))
  await runCommand(around, table, command, args)
}

async function runHand(
  verb: HandVerb,
  args: readonly string[],
  around: Surroundings,
  table: EndpointTable,
): Promise<void> {
  if (asksForHelp(args)) return around.out.write(handVerbHelp(verb))
  const options = parseOptions(args, specsFrom(verb.options))
  const missing = verb.positionals[options.positionals.length]
  if (missing !== undefined) throw usage(`${missing} is missing: postern ${verb.name} ${verb.positionals.join(' ')}`)
  const extra = options.positionals[verb.positionals.length]
  if (extra !== undefined) throw usage(`${JSON.stringify(extra)} is too much; see postern ${verb.name} --help`)
  await verb.run(around, table, options)
}

async function refuse(
  first: string,
  second: string | undefined,
  commands: readonly Command[],
  around: Surroundings,
): Promise<void> {
  const ofNoun = commands.filter(({ noun }) => noun === first)
  if (first.startsWith('-')) throw usage(`${first} stands before the command; options follow it`)
  if (ofNoun.length === 0) {
    const known = [...nounsOf(commands), ...HAND_VERBS.map(({ name }) => name)]
    throw usage(`${first} is no command${meant(first, known)}; all of them: postern --help`)
  }
  if (second === undefined || asksForHelp([second])) {
    await around.out.write(nounHelp(first, ofNoun))
    if (second === undefined) throw usage('give a verb')
    return
  }
  throw usage(
    `${first} has no verb ${second}${meant(
      second,
      ofNoun.map(({ verb }) => verb),
    )}; all of them: postern ${first} --help`,
  )
}

function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--')
  return (end < 0 ? args : args.slice(0, end)).some((word) => word === '--help' || word === '-h')
}
