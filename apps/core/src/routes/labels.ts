/**
 * Handlers of the endpoints: labels.
 * @module
 */
import type { Label, labelsEndpoints } from '@postern/contract/api/labels'
import type { Handlers } from '../api/handlers.ts'
import { listLabelDevices, toDevice } from '../services/devices/device-rows.ts'
import {
  addMembers,
  createLabel,
  type LabelRow,
  listLabels,
  previewFilter,
  readLabel,
  removeLabel,
  removeMembers,
  updateLabel,
} from '../services/labels/labels.ts'
import type { Services } from '../services/services.ts'

/** Wires endpoints to services. */
export function labelsRoutes({ store }: Services): Handlers<typeof labelsEndpoints> {
  return {
    listLabels: async ({ query }) => {
      const { items, next } = await listLabels(store.db, query)
      return { body: { items: items.map(toLabel), next } }
    },
    readLabel: async ({ params }) => answer(toLabel(await readLabel(store.db, params.id))),
    createLabel: async ({ body }, context) =>
      answer(await context.change(async (change) => toLabel(await createLabel(change, body)))),
    updateLabel: async ({ params, body }, context) =>
      answer(toLabel(await context.change((change) => updateLabel(change, params.id, context.ifMatch, body)))),
    removeLabel: async ({ params }, context) => {
      await context.change((change) => removeLabel(change, params.id))
      return { body: null }
    },
    listLabelMembers: async ({ params, query }) => {
      await readLabel(store.db, params.id)
      const { items, next } = await listLabelDevices(store.db, params.id, query)
      return { body: { items: items.map(toDevice), next } }
    },
    addLabelMembers: async ({ params, body }, context) =>
      answer(toLabel(await context.change((change) => addMembers(change, params.id, body.deviceIds)))),
    removeLabelMembers: async ({ params, body }, context) =>
      answer(toLabel(await context.change((change) => removeMembers(change, params.id, body.deviceIds)))),
    previewFilter: async ({ body }) => {
      const { count, devices } = await previewFilter(store.db, body.filter)
      return { body: { count, devices: devices.map(toDevice) } }
    },
  }
}

function toLabel(row: LabelRow): Label {
  return {
    id: row.id,
    version: row.version,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
    name: row.name,
    description: row.description,
    kind: row.kind,
    filter: row.filter,
    builtIn: row.built_in,
    members: row.members,
  }
}

function answer(body: Label) {
  return { body, version: body.version }
}
