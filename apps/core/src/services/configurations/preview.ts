/**
 * What devices will be sent, before they are: for one user and device, or counted over a label.
 * @module
 */
import {
  type ConfigurationPreview,
  type LabelPreview,
  PREVIEW_DEVICES,
  PREVIEW_EXAMPLES,
  type RenderedConfiguration,
} from '@postern/contract/api/configurations'
import type { Db } from '../../database/connect.ts'
import { invalid, notFound } from '../../failure.ts'
import { chosenSentry } from './chosen-sentry.ts'
import { storedSettings } from './kinds.ts'
import { configurationRow } from './read.ts'
import {
  renderConfiguration,
  renderedDevice,
  type RenderedDevice,
  type Rendering,
  USER_COLUMNS,
  userFacts,
} from './render.ts'

/** Devices read at once: small enough that other requests are served between two of them. */
const BATCH = 500
/** An iPhone of which nothing is known but that it is current. */
const STAND_IN: RenderedDevice = {
  facts: { id: '00000000-0000-0000-0000-000000000000', uuid: null, serial: null, osVersion: '18.0' },
  platform: 'iOS',
  state: 'active',
}

/**
 * Exactly what is sent: it is made by what sends it. `deviceId` null: a stand-in, whose own facts are unresolved.
 * @throws CoreError NOT_FOUND, INVALID when the device is another user's
 */
export async function previewConfiguration(
  db: Db,
  id: string,
  { userId, deviceId }: { readonly userId: string; readonly deviceId: string | null },
): Promise<ConfigurationPreview> {
  const rendering = await renderingOf(db, id)
  const user = await db.selectFrom('users').select(USER_COLUMNS).where('id', '=', userId).executeTakeFirst()
  if (user === undefined) throw notFound('user', userId)
  const shown = { id: userId, userName: user.user_name }
  if (deviceId === null) {
    const rendered = renderConfiguration(rendering, userFacts(user), STAND_IN)
    return { user: shown, device: null, standsIn: true, rendered }
  }
  const device = await db.selectFrom('devices').selectAll().where('id', '=', deviceId).executeTakeFirst()
  if (device === undefined) throw notFound('device', deviceId)
  if (device.user_id !== userId) throw invalid('device', 'is not one of this user; choose one of theirs')
  const rendered = renderConfiguration(rendering, userFacts(user), renderedDevice(device))
  return { user: shown, device: { id: deviceId, name: device.name }, standsIn: false, rendered }
}

/**
 * Every device of the label, up to `most`, in batches: memory and the time between two requests do not grow with it.
 * @throws CoreError NOT_FOUND
 */
export async function previewForLabel(
  db: Db,
  id: string,
  labelId: string,
  most: number = PREVIEW_DEVICES,
): Promise<LabelPreview> {
  const rendering = await renderingOf(db, id)
  const label = await db.selectFrom('labels').select(['id', 'name']).where('id', '=', labelId).executeTakeFirst()
  if (label === undefined) throw notFound('label', labelId)
  const outcomes = { sendable: outcome(), notSendable: outcome(), unresolved: outcome() }
  let devices = 0
  let after: string | null = null
  while (devices < most) {
    const rows = await labelBatch(db, labelId, after, Math.min(BATCH, most - devices))
    for (const row of rows) {
      const rendered = renderConfiguration(rendering, userFacts(row), renderedDevice(row))
      const { group, detail } = told(rendered)
      const example = { deviceId: row.id, deviceName: row.name, userId: row.owner_id, userName: row.user_name, detail }
      count(outcomes[group], example)
    }
    devices += rows.length
    const last = rows.at(-1)
    if (last === undefined) return { label, devices, truncated: false, ...outcomes }
    after = last.id
  }
  const truncated = (await labelBatch(db, labelId, after, 1)).length > 0
  return { label, devices, truncated, ...outcomes }
}

async function renderingOf(db: Db, id: string): Promise<Rendering> {
  const row = await configurationRow(db, id)
  return { id, stored: storedSettings(row), sentry: await chosenSentry(db, row.sentry_profile_id) }
}

async function labelBatch(db: Db, labelId: string, after: string | null, limit: number) {
  let query = db
    .selectFrom('label_members')
    .innerJoin('devices', 'devices.id', 'label_members.device_id')
    .innerJoin('users', 'users.id', 'devices.user_id')
    .select(['devices.id', 'devices.name', 'platform', 'os_version', 'serial', 'udid', 'state'])
    .select('users.id as owner_id')
    .select(USER_COLUMNS.map((column) => `users.${column}` as const))
    .where('label_id', '=', labelId)
    .orderBy('label_members.device_id')
    .limit(limit)
  // Of both tables, else one of them is read from its beginning for each batch.
  if (after !== null) query = query.where('label_members.device_id', '>', after).where('devices.id', '>', after)
  return query.execute()
}

type Outcome = LabelPreview['sendable']

function outcome(): Outcome {
  return { count: 0, first: [] }
}

function count(into: Outcome, example: Outcome['first'][number]): void {
  into.count += 1
  if (into.first.length < PREVIEW_EXAMPLES) into.first.push(example)
}

function told(rendered: RenderedConfiguration): {
  readonly group: 'sendable' | 'notSendable' | 'unresolved'
  readonly detail: string
} {
  switch (rendered.kind) {
    case 'profile':
    case 'settings': {
      const [first] = rendered.warnings
      return { group: 'sendable', detail: first === undefined ? '' : `${first.path} ${first.message}` }
    }
    case 'not-sendable':
      return { group: 'notSendable', detail: `${rendered.reason}: ${rendered.remedy}` }
    case 'unresolved':
      return { group: 'unresolved', detail: rendered.variables.join(', ') }
    default:
      return rendered satisfies never
  }
}
