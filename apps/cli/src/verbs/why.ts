/**
 * `postern why DEVICE`: why it has mail, or has none, in words.
 * @module
 */
import { devicesEndpoints } from '@postern/contract/api/devices'
import { CONNECTION_OPTIONS, OUTPUT_OPTION } from '../commands/command-options.ts'
import { connect } from '../connection/connect.ts'
import { lookUp } from '../connection/lookup.ts'
import { listOf, member, textOf } from '../json.ts'
import { safeText } from '../output/safe-text.ts'
import type { HandVerb } from './hand-verb.ts'
import { outputForm, writeReply } from './run-command.ts'

const DECISIONS: Readonly<Record<string, string>> = {
  allow: 'has mail',
  block: 'has no mail: it is blocked',
  wipe: 'has no mail: the account is removed when it connects next',
}

/** See the module's comment. */
export const why: HandVerb = {
  name: 'why',
  summary: 'Say why a device has mail or has none, and what would change it',
  positionals: ['DEVICE'],
  options: [OUTPUT_OPTION, ...CONNECTION_OPTIONS],
  run: async (around, table, options) => {
    const form = outputForm(options)
    const client = await connect(around, options)
    const name = options.positionals[0] ?? ''
    const id = await lookUp(client, table, devicesEndpoints.listDevices.path, name)
    const { body } = await client.call(devicesEndpoints.whyDevice, { params: { id } })
    if (form === 'table') await around.out.write(whyText(name, body))
    else await writeReply(around.out, body, form)
  },
}

/** The reply as text: the decision, then each reason with source, detail and remedy. */
function whyText(name: string, reply: unknown): string {
  const decision = textOf(reply, 'decision')
  const said = Object.hasOwn(DECISIONS, decision) ? DECISIONS[decision] : decision
  const lines = [`${safeText(name)} ${safeText(said ?? decision)} (since ${safeText(textOf(reply, 'decidedAt'))})`]
  const next = textOf(reply, 'nextChange')
  if (next !== '') lines.push(`this may change by itself at ${safeText(next)}`)
  for (const reason of listOf(reply, 'reasons')) lines.push('', ...reasonLines(reason))
  return `${lines.join('\n')}\n`
}

function reasonLines(reason: unknown): string[] {
  const text = (name: string): string => safeText(textOf(reason, name))
  const outweighed = member(reason, 'overridden') === true ? ', outweighed by an allowance by hand' : ''
  const expires = text('expires') === '' ? '' : `, until ${text('expires')}`
  return [
    `${text('effect')}: ${text('title')} [${text('code')}]${outweighed}`,
    `  since ${text('since')}${expires}, by ${text('source')}`,
    ...(text('detail') === '' ? [] : [`  ${text('detail')}`]),
    ...(text('remedy') === '' ? [] : [`  to change it: ${text('remedy')}`]),
  ]
}
