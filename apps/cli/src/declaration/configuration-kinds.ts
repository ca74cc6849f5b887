/**
 * Sections of Exchange and Email+ configurations, each with the labels that it is applied to.
 * @module
 */
import { configurationsEndpoints } from '@postern/contract/api/configurations'
import type { DeclarationSection } from '@postern/contract/api/declaration'
import type { EndpointRow } from '@postern/contract/api/endpoint'
import { parseEmailPlusConfiguration } from '@postern/contract/configurations/email-plus'
import { parseExchangeConfiguration } from '@postern/contract/configurations/exchange'
import type { Client } from '../connection/client.ts'
import { isJson, type Json, listOf, member, sameJson, textOf } from '../json.ts'
import type { Kind, Present, WantedInput } from './kind.ts'
import { withNames } from './names.ts'
import { createOnce, listedBy } from './plain-kinds.ts'

interface ConfigurationRows {
  readonly section: DeclarationSection
  readonly title: string
  readonly kind: 'exchange' | 'emailPlus'
  readonly create: EndpointRow
  readonly update: EndpointRow
  /** @throws ContractError */
  readonly parse: (input: unknown) => object
}

function configurationKind(rows: ConfigurationRows): Kind {
  const query = new Map([['kind', rows.kind]])
  return {
    section: rows.section,
    title: rows.title,
    list: (client) => listedBy(client, configurationsEndpoints.listConfigurations, 'name', query),
    read: (client, { id }) => readConfiguration(client, id),
    wanted: async (input) => {
      const value = wantedValue(input, rows.parse)
      return { value, body: { ...value, name: input.name }, lacks: null }
    },
    create: async (client, { labels, ...body }) => {
      const id = textOf(await createOnce(client, rows.create, body), 'id')
      await applyTo(client, id, listOf({ labels }, 'labels'))
      return id
    },
    change: (client, present, body) => changeConfiguration(client, rows.update, present, body),
    remove: async (client, { id, value }) => {
      await withdrawFrom(client, id, listOf(value, 'labels'))
      const { etag } = await readConfiguration(client, id)
      await client.call(configurationsEndpoints.removeConfiguration, { params: { id }, ifMatch: etag })
    },
    exported: ({ name: _name, ...members }) => {
      const shown = withNames(members)
      return isJson(shown) ? shown : null
    },
  }
}

async function readConfiguration(client: Client, id: string): Promise<Present> {
  const { body, etag } = await client.call(configurationsEndpoints.readConfiguration, { params: { id } })
  const settings = member(body, 'settings')
  const labels = listOf(body, 'labels').map((one) => textOf(one, 'id'))
  return { id, etag, value: { ...(isJson(settings) ? settings : {}), labels: labels.sort() } }
}

function wantedValue({ name, members }: WantedInput, parse: (input: unknown) => object): Json {
  const { labels: _labels, ...settings } = members
  return { ...parse({ ...settings, name }), labels: listOf(members, 'labels').map(String).sort() }
}

async function changeConfiguration(client: Client, row: EndpointRow, present: Present, body: Json): Promise<void> {
  const { labels: wanted, ...settings } = body
  const { labels: kept, ...before } = present.value
  if (!sameJson(before, settings)) {
    await client.call(row, { params: { id: present.id }, body: settings, ifMatch: present.etag })
  }
  const [now, then] = [listOf({ kept }, 'kept'), listOf({ wanted }, 'wanted')]
  await applyTo(
    client,
    present.id,
    then.filter((one) => !now.includes(one)),
  )
  await withdrawFrom(
    client,
    present.id,
    now.filter((one) => !then.includes(one)),
  )
}

async function applyTo(client: Client, id: string, labels: readonly unknown[]): Promise<void> {
  if (labels.length === 0) return
  await client.call(configurationsEndpoints.applyConfiguration, { params: { id }, body: { labels } })
}

async function withdrawFrom(client: Client, id: string, labels: readonly unknown[]): Promise<void> {
  if (labels.length === 0) return
  await client.call(configurationsEndpoints.withdrawConfiguration, { params: { id }, body: { labels } })
}

/** See the module's comment. */
export const CONFIGURATION_KINDS: readonly Kind[] = [
  configurationKind({
    section: 'exchangeConfigurations',
    title: 'Exchange configuration',
    kind: 'exchange',
    create: configurationsEndpoints.createExchangeConfiguration,
    update: configurationsEndpoints.updateExchangeConfiguration,
    parse: parseExchangeConfiguration,
  }),
  configurationKind({
    section: 'emailPlusConfigurations',
    title: 'Email+ configuration',
    kind: 'emailPlus',
    create: configurationsEndpoints.createEmailPlusConfiguration,
    update: configurationsEndpoints.updateEmailPlusConfiguration,
    parse: parseEmailPlusConfiguration,
  }),
]
