/**
 * Handlers of the endpoints: devices.
 * @module
 */
import type { DeviceDetail, devicesEndpoints, Identity } from '@postern/contract/api/devices'
import type { Handlers } from '../api/handlers.ts'
import type { Db } from '../database/connect.ts'
import {
  allowDevice,
  blockDevice,
  type DecisionInput,
  retireDevice,
  unblockDevice,
  wipeDevice,
} from '../services/devices/actions.ts'
import { type DeviceRow, listDevices, readDevice, toDevice } from '../services/devices/device-rows.ts'
import { createDevice, removeDevice, updateDevice } from '../services/devices/devices.ts'
import { identitiesOf, type IdentityRow, registerIdentity, revokeIdentity } from '../services/devices/identities.ts'
import { toDate } from '../services/instant.ts'
import { labelsOfDevice } from '../services/labels/membership.ts'
import { explainPosture } from '../services/posture/why.ts'
import type { Services } from '../services/services.ts'

/** Wires endpoints to services. */
export function devicesRoutes({ store }: Services): Handlers<typeof devicesEndpoints> {
  return {
    listDevices: async ({ query }) => {
      const { items, next } = await listDevices(store.db, query)
      return { body: { items: items.map(toDevice), next } }
    },
    readDevice: async ({ params }) => detailAnswer(await detail(store.db, await readDevice(store.db, params.id))),
    whyDevice: async ({ params }) => ({ body: await explainPosture(store.db, params.id) }),
    createDevice: async ({ body }, context) =>
      detailAnswer(await context.change(async (change) => detail(change.tx, await createDevice(change, body)))),
    updateDevice: async ({ params, body }, context) =>
      detailAnswer(
        await context.change(async (change) =>
          detail(change.tx, await updateDevice(change, params.id, context.ifMatch, body)),
        ),
      ),
    removeDevice: async ({ params }, context) => {
      await context.change((change) => removeDevice(change, params.id))
      return { body: null }
    },
    blockDevice: async ({ params, body }, context) =>
      answer(await context.change((change) => blockDevice(change, params.id, toDecision(body)))),
    allowDevice: async ({ params, body }, context) =>
      answer(await context.change((change) => allowDevice(change, params.id, toDecision(body)))),
    unblockDevice: async ({ params, body }, context) =>
      answer(await context.change((change) => unblockDevice(change, params.id, body.note))),
    retireDevice: async ({ params, body }, context) =>
      answer(await context.change((change) => retireDevice(change, params.id, body.note))),
    wipeDevice: async ({ params, body }, context) =>
      answer(await context.change((change) => wipeDevice(change, params.id, body.note))),
    registerIdentity: async ({ params, body }, context) => ({
      body: await context.change(async (change) => toIdentity(await registerIdentity(change, params.id, body))),
    }),
    revokeIdentity: async ({ params, body }, context) => ({
      body: toIdentity(
        await context.change((change) => revokeIdentity(change, params.id, params.identityId, body.note)),
      ),
    }),
  }
}

async function detail(db: Db, row: DeviceRow): Promise<DeviceDetail> {
  const identities = await identitiesOf(db, row.id)
  return { ...toDevice(row), identities: identities.map(toIdentity), labels: await labelsOfDevice(db, row.id) }
}

function toIdentity(row: IdentityRow): Identity {
  return {
    id: row.id,
    fingerprint: row.fingerprint,
    subject: row.subject,
    issuer: row.issuer,
    serial: row.serial,
    notBefore: row.not_before.toISOString(),
    notAfter: row.not_after.toISOString(),
    createdAt: row.created_at.toISOString(),
    revoked:
      row.revoked_at === null
        ? null
        : { at: row.revoked_at.toISOString(), by: row.revoked_by ?? '', note: row.revoked_note ?? '' },
  }
}

function toDecision({ note, expiresAt }: { note: string; expiresAt?: string | null }): DecisionInput {
  return { note, expiresAt: toDate('expiresAt', expiresAt ?? null) }
}

function answer(row: DeviceRow) {
  return { body: toDevice(row), version: row.version }
}

function detailAnswer(body: DeviceDetail) {
  return { body, version: body.version }
}
