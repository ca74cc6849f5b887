/**
 * `postern status`: one screen that says whether anything needs attention.
 * @module
 */
import type { EndpointRow } from '@postern/contract/api/endpoint'
import { certificatesEndpoints } from '@postern/contract/api/certificates'
import { sentriesEndpoints } from '@postern/contract/api/sentries'
import { systemEndpoints } from '@postern/contract/api/system'
import { CONNECTION_OPTIONS } from '../commands/command-options.ts'
import { type Client, RefusedError } from '../connection/client.ts'
import { connect } from '../connection/connect.ts'
import { itemsOf } from '../connection/lookup.ts'
import { at, listOf, member, textOf } from '../json.ts'
import { safeText } from '../output/safe-text.ts'
import { tableLayout } from '../output/table.ts'
import type { Surroundings } from '../surroundings.ts'
import type { HandVerb } from './hand-verb.ts'
import { sizeText } from './write-stream.ts'

/** Certificates that end within so many days are told of. */
const SOON_DAYS = 30

/** See the module's comment. */
export const status: HandVerb = {
  name: 'status',
  summary: 'Show Core, its Sentries and what ends soon on one screen',
  positionals: [],
  options: CONNECTION_OPTIONS,
  run: async (around, _table, options) => {
    const client = await connect(around, options)
    await around.out.write(await coreText(client, around.now()))
    await around.out.write(await sentriesText(client, around))
    await around.out.write(await endingText(client))
  },
}

async function coreText(client: Client, now: number): Promise<string> {
  const state = await allowed(async () => (await client.call(systemEndpoints.readSystem)).body)
  if (state === null) return 'Core      runs; your roles do not show more\n'
  const instances = listOf(state, 'instances').filter((one) => member(one, 'alive') === true)
  const database = member(state, 'database')
  const kind = textOf(database, 'kind') === 'embedded' ? 'embedded' : 'external'
  const size = member(database, 'sizeBytes')
  const backup = textOf(member(state, 'backup'), 'lastAt')
  const older = Number(at(state, ['keys', 'secrets', 'older']) ?? 0)
  const lines = [
    `Core      ${safeText(textOf(state, 'version'))}, ${instances.length} running`,
    `Database  ${kind} PostgreSQL ${safeText(textOf(database, 'version'))}, ${sizeText(Number(size ?? 0))}`,
    `Backup    ${backup === '' ? 'none was ever taken: postern backup --out FILE' : `${ageText(backup, now)} ago`}`,
    ...(older > 0 ? [`Keys      ${older} secrets are wrapped with earlier keys: postern key rotate`] : []),
  ]
  return `${lines.join('\n')}\n`
}

async function sentriesText(client: Client, around: Surroundings): Promise<string> {
  const items = await allowed(() => collected(client, sentriesEndpoints.listSentries))
  if (items === null) return ''
  if (items.length === 0) return '\nNo Sentries: postern sentry add --name NAME --profile-id PROFILE\n'
  const rows = items.map((item) => ({
    sentry: textOf(item, 'name'),
    registration: at(item, ['registration', 'state']),
    connected: at(item, ['connection', 'connected']),
    configuration: at(item, ['configuration', 'state']),
    behind: at(item, ['posture', 'behind']),
    release: at(item, ['connection', 'softwareVersion']),
  }))
  const layout = tableLayout(
    ['sentry', 'registration', 'connected', 'configuration', 'behind', 'release'],
    rows,
    around.out.columns,
  )
  const troubles = items.flatMap(troublesOf).map((line) => `  ${line}\n`)
  return `\n${layout.header()}${layout.rows(rows)}${troubles.join('')}`
}

function troublesOf(sentry: unknown): string[] {
  const name = safeText(textOf(sentry, 'name'))
  const tooOld = textOf(member(sentry, 'connection'), 'tooOld')
  const problem = textOf(member(sentry, 'configuration'), 'problem')
  const refused = listOf(at(sentry, ['configuration', 'refused']), 'problems')
  const notReady = listOf(member(sentry, 'health'), 'notReady')
  return [
    ...(tooOld === '' ? [] : [`${name}: ${safeText(tooOld)}`]),
    ...(problem === '' ? [] : [`${name}: Core cannot make its configuration: ${safeText(problem)}`]),
    ...refused.map((one) => `${name} refused ${safeText(textOf(one, 'path'))}: ${safeText(textOf(one, 'message'))}`),
    ...notReady.map((one) => `${name} is not ready: ${safeText(String(one))}`),
  ]
}

async function endingText(client: Client): Promise<string> {
  const found: string[] = []
  for (const [row, kind] of [
    [certificatesEndpoints.listCertificates, 'certificate'],
    [certificatesEndpoints.listTrustedRoots, 'trusted root'],
  ] as const) {
    for (const item of (await allowed(() => collected(client, row))) ?? []) {
      const days = member(item, 'daysLeft')
      if (typeof days === 'number' && days <= SOON_DAYS) found.push(endLine(kind, textOf(item, 'name'), days))
    }
  }
  for (const item of (await allowed(() => collected(client, sentriesEndpoints.listSentries))) ?? []) {
    const days = at(item, ['registration', 'certificateDaysLeft'])
    const isRevoked = at(item, ['registration', 'state']) === 'revoked'
    // A Sentry renews its own from 30 days on; half of that left means that it did not.
    if (typeof days === 'number' && days <= SOON_DAYS / 2 && !isRevoked) {
      found.push(endLine('certificate of Sentry', textOf(item, 'name'), days))
    }
  }
  return found.length === 0 ? `\nNo certificate ends within ${SOON_DAYS} days\n` : `\n${found.join('')}`
}

function endLine(kind: string, name: string, days: number): string {
  const when = days < 0 ? `ended ${-days} days ago` : `ends in ${days} days`
  return `${kind} ${safeText(name)} ${when}\n`
}

async function collected(client: Client, row: EndpointRow): Promise<unknown[]> {
  return Array.fromAsync(itemsOf(client, row))
}

/** What one's roles do not show is left out. */
async function allowed<T>(read: () => Promise<T>): Promise<T | null> {
  try {
    return await read()
  } catch (error) {
    if (error instanceof RefusedError && error.refusal.code === 'FORBIDDEN') return null
    throw error
  }
}

/** Time since an instant, in the largest whole unit. */
function ageText(instant: string, now: number): string {
  const minutes = Math.max(0, Math.floor((now - Date.parse(instant)) / 60_000))
  if (minutes < 120) return `${minutes} minutes`
  const hours = Math.floor(minutes / 60)
  return hours < 48 ? `${hours} hours` : `${Math.floor(hours / 24)} days`
}
