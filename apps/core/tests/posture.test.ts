import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { sql } from 'kysely'
import { parsePolicySnapshot } from '@postern/contract/policy-snapshot'
import { setAssociationPosture } from '../src/services/posture/association-posture.ts'
import type { Change } from '../src/database/store.ts'
import { startPostureClock, tickPostureClock } from '../src/services/posture/clock.ts'
import { refreshPosture, revokeCertificates, setPostureMode } from '../src/services/posture/posture.ts'
import { blockDevice, recordWiped, retireDevice, unblockDevice, wipeDevice } from '../src/services/devices/actions.ts'
import { createDevice, removeDevice } from '../src/services/devices/devices.ts'
import { registerIdentity } from '../src/services/devices/identities.ts'
import { createUser } from '../src/services/users/users.ts'
import { type DirectoryLab, startDirectoryLab } from './support/directory-lab.ts'

const SECOND = 1_000
let lab: DirectoryLab
let serial = 0

before(async () => {
  lab = await startDirectoryLab()
  await lab.change((change) => createUser(change, { userName: 'tu1@example.com' }))
})
after(() => lab[Symbol.asyncDispose]())

function fingerprint(): string {
  serial += 1
  return `sha256:${serial.toString(16).padStart(64, '0')}`
}

async function addDevice(more: object = {}): Promise<string> {
  serial += 1
  const input = { userName: 'tu1@example.com', name: `phone ${serial}`, platform: 'iOS', ownership: 'company' } as const
  return (await lab.change((change) => createDevice(change, { ...input, ...more }))).id
}

async function addIdentity(deviceId: string, validMs = 3_600_000): Promise<string> {
  const print = fingerprint()
  const [notBefore, notAfter] = [lab.now(), lab.now() + validMs].map((ms) => new Date(ms).toISOString())
  const input = { fingerprint: print, notBefore: notBefore ?? '', notAfter: notAfter ?? '' }
  await lab.change((change) => registerIdentity(change, deviceId, input))
  return print
}

async function entry(kind: 'device' | 'certificate' | 'mode', key: string) {
  const { db } = lab.services.store
  return db.selectFrom('posture_entries').selectAll().where('kind', '=', kind).where('key', '=', key).executeTakeFirst()
}

async function posture(id: string): Promise<string> {
  const row = await entry('device', id)
  const { posture: decision, reasons } = (row?.value ?? { posture: 'gone', reasons: [] }) as {
    posture: string
    reasons: string[]
  }
  return [decision, ...reasons].join(' ')
}

async function decisionChanges(id: string): Promise<string[]> {
  const rows = await lab.services.store.db
    .selectFrom('audit')
    .select(['before', 'after'])
    .where('object_id', '=', id)
    .where('action', '=', 'posture.change')
    .orderBy('seq')
    .execute()
  const told = (facts: unknown): string => (facts === null ? 'none' : (facts as { decision: string }).decision)
  return rows.map((row) => `${told(row.before)}>${told(row.after)}`)
}

const note = { note: 'n', expiresAt: null }

function decide(change: Change, deviceId: string, id: string, kind: 'allow' | 'block' | null): Promise<void> {
  const override = kind === null ? null : { kind, by: 'alice', at: change.now, ...note }
  return setAssociationPosture(change, { id, user: 'tu1@example.com', easDeviceId: 'ABC', deviceId, override })
}

describe('what Sentries are told', () => {
  test('is a valid policy, changes only when it differs, and every change of decision is written down', async () => {
    const id = await addDevice({ easDeviceIds: ['ABC1'] })
    assert.equal(await posture(id), 'block IDENTITY_MISSING')
    const print = await addIdentity(id)
    const first = (await entry('device', id)) ?? assert.fail()
    assert.equal(await lab.change((change) => refreshPosture(change, [id, id])), 0)
    assert.equal((await entry('device', id))?.seq, first.seq)
    const expected = {
      id,
      user: 'tu1@example.com',
      easDeviceIds: ['ABC1'],
      certificates: [print],
      posture: 'allow',
      reasons: [],
    }
    assert.deepEqual(first.value, expected)
    parsePolicySnapshot({
      schema: 1,
      version: 1,
      devices: [first.value],
      revokedCertificates: [],
      blockedUsers: [],
      mode: 'enforce',
    })
    await lab.change((change) => blockDevice(change, id, note))
    assert.equal(await posture(id), 'block BLOCKED_BY_HAND')
    assert.deepEqual(await decisionChanges(id), ['none>block', 'block>allow', 'allow>block'])
  })
  test('a revoked certificate, for ever, and its device that has no other', async () => {
    const id = await addDevice()
    const [old, fresh] = [await addIdentity(id), await addIdentity(id)]
    await lab.change((change) => revokeCertificates(change, [old], 'renewed'))
    assert.deepEqual((await entry('certificate', old))?.value, { revoked: true })
    assert.equal(await posture(id), 'allow')
    await lab.change((change) => revokeCertificates(change, [fresh], 'lost'))
    assert.equal(await posture(id), 'block IDENTITY_REVOKED')
    const again = registerIdentity
    const input = {
      fingerprint: old,
      notBefore: new Date(lab.now()).toISOString(),
      notAfter: '2030-01-01T00:00:00.000Z',
    }
    await assert.rejects(
      lab.change((change) => again(change, id, input)),
      { code: 'CONFLICT' },
    )
  })
  test('a retired device is blocked for ever and its certificates are revoked', async () => {
    const id = await addDevice()
    const print = await addIdentity(id)
    await lab.change((change) => retireDevice(change, id, 'sold'))
    assert.equal(await posture(id), 'block RETIRED IDENTITY_REVOKED')
    await lab.change((change) => decide(change, id, 'a1', 'allow'))
    assert.equal(await posture(id), 'block RETIRED IDENTITY_REVOKED ASSOCIATION_ALLOWED')
    await lab.change((change) => removeDevice(change, id))
    assert.equal((await entry('device', id))?.value, null)
    assert.deepEqual((await entry('certificate', print))?.value, { revoked: true })
    const other = await addDevice()
    const input = {
      fingerprint: print,
      notBefore: new Date(lab.now()).toISOString(),
      notAfter: '2030-01-01T00:00:00.000Z',
    }
    await assert.rejects(
      lab.change((change) => registerIdentity(change, other, input)),
      { code: 'CONFLICT' },
    )
  })
  test('a wipe until it is done, and a block from then on', async () => {
    const id = await addDevice()
    await addIdentity(id)
    await lab.change((change) => recordWiped(change, id))
    assert.equal(await posture(id), 'allow')
    await lab.change((change) => wipeDevice(change, id, 'stolen'))
    assert.equal(await posture(id), 'wipe WIPE_REQUESTED')
    await lab.change((change) => recordWiped(change, id))
    assert.equal(await posture(id), 'block WIPED')
  })
  test('a decision about an association blocks, allows and goes with it', async () => {
    const id = await addDevice()
    await lab.change((change) => decide(change, id, 'a1', 'allow'))
    assert.equal(await posture(id), 'allow IDENTITY_MISSING ASSOCIATION_ALLOWED')
    await lab.change((change) => decide(change, id, 'a2', 'block'))
    assert.equal(await posture(id), 'block ASSOCIATION_BLOCKED IDENTITY_MISSING ASSOCIATION_ALLOWED')
    await lab.change((change) => decide(change, id, 'a2', null))
    await lab.change((change) => decide(change, id, 'a1', null))
    assert.equal(await posture(id), 'block IDENTITY_MISSING')
  })
  test('the mode', async () => {
    await lab.change((change) => setPostureMode(change, 'report'))
    assert.deepEqual((await entry('mode', 'mode'))?.value, { mode: 'report' })
  })
  test('a change that fails tells nobody anything', async () => {
    const id = await addDevice()
    const work = lab.change(async (change) => {
      await blockDevice(change, id, note)
      throw new Error('no')
    })
    await assert.rejects(work, /no/)
    assert.equal(await posture(id), 'block IDENTITY_MISSING')
  })
  test('wakes those who wait, once committed', async () => {
    const woken = Promise.withResolvers<undefined>()
    using _subscription = lab.services.wakeups.on('posture', () => woken.resolve(undefined))
    await addDevice()
    await woken.promise
  })
})

describe('time', () => {
  test('ends a block, an allowance and a certificate by itself', async () => {
    const id = await addDevice()
    const start = lab.now()
    await addIdentity(id, 60 * SECOND)
    await lab.change((change) => blockDevice(change, id, { note: '', expiresAt: new Date(start + 10 * SECOND) }))
    const steps = [
      { after: 9.999, posture: 'block BLOCKED_BY_HAND' },
      { after: 10, posture: 'allow' },
      { after: 59.999, posture: 'allow' },
      { after: 60, posture: 'block IDENTITY_EXPIRED' },
    ]
    for (const step of steps) {
      lab.at(start + step.after * SECOND)
      await tickPostureClock(lab.services)
      assert.equal(await posture(id), step.posture, `after ${step.after} seconds`)
    }
    assert.equal(await tickPostureClock(lab.services), 0)
  })
  test('an end in the past is refused', async () => {
    const id = await addDevice()
    const work = lab.change((change) => blockDevice(change, id, { note: '', expiresAt: new Date(lab.now()) }))
    await assert.rejects(work, { code: 'INVALID' })
  })
  test('is looked at every second, by several Cores at once, and each change is written down once', async () => {
    const ids = await Promise.all(Array.from({ length: 10 }, () => addDevice({ requiresIdentity: false })))
    const expiresAt = new Date(lab.now() + SECOND)
    await Promise.all(ids.map((id) => lab.change((change) => blockDevice(change, id, { note: '', expiresAt }))))
    lab.at(lab.now() + SECOND)
    await using _one = startPostureClock(lab.services)
    await using _two = startPostureClock(lab.services)
    const deadline = performance.now() + 10_000
    while ((await posture(ids[9] ?? '')) !== 'allow' && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    for (const id of ids) assert.deepEqual(await decisionChanges(id), ['none>allow', 'allow>block', 'block>allow'])
  })
})

describe('changes at once', () => {
  test('to one device from two sides lose nothing', async () => {
    const id = await addDevice({ requiresIdentity: false })
    for (let i = 0; i < 10; i += 1) {
      await Promise.all([
        lab.change((change) => blockDevice(change, id, note)),
        lab.change((change) => decide(change, id, 'a1', 'block')),
      ])
      assert.equal(await posture(id), 'block BLOCKED_BY_HAND ASSOCIATION_BLOCKED')
      await Promise.all([
        lab.change((change) => unblockDevice(change, id, '')),
        lab.change((change) => decide(change, id, 'a1', null)),
      ])
      assert.equal(await posture(id), 'allow')
    }
  })
  test('give numbers in the order in which they become visible', async () => {
    const ids = await Promise.all(Array.from({ length: 4 }, () => addDevice({ requiresIdentity: false })))
    let working = true
    const seen: number[] = []
    const watch = async (): Promise<void> => {
      while (working) {
        const from = seen.at(-1) ?? 0
        const { rows } = await sql<{
          seq: number
        }>`select seq from posture_entries where seq > ${from} order by seq`.execute(lab.services.store.db)
        seen.push(...rows.map(({ seq }) => seq))
      }
    }
    const watching = watch()
    const flip = async (id: string): Promise<void> => {
      for (let i = 0; i < 8; i += 1) {
        await lab.change((change) => blockDevice(change, id, note))
        await lab.change((change) => unblockDevice(change, id, ''))
      }
    }
    await Promise.all(ids.map(flip))
    working = false
    await watching
    const { rows } = await sql<{ seq: number }>`select seq from posture_entries order by seq`.execute(
      lab.services.store.db,
    )
    const unseen = rows.filter(({ seq }) => seq <= (seen.at(-1) ?? 0) && !seen.includes(seq))
    assert.deepEqual(unseen, [])
  })
  test('to 10,000 devices are one transaction of a few statements', async () => {
    const { db } = lab.services.store
    const { rows } = await sql<{ id: string }>`
      insert into devices (user_id, user_name, user_display_name, name, platform, ownership, state, requires_identity)
      select u.id, u.user_name, u.display_name, 'bulk ' || n, 'iOS', 'company', 'active', false
      from users u, generate_series(1, 10000) n where u.user_name = 'tu1@example.com' returning id`.execute(db)
    const ids = rows.map(({ id }) => id)
    const begun = performance.now()
    assert.equal(await lab.change((change) => refreshPosture(change, ids)), 10_000)
    const took = performance.now() - begun
    assert.ok(took < 20_000, `${took} ms`)
    const audited = await sql<{ n: number }>`
      select count(*) as n from audit where action = 'posture.change' and object_name like 'bulk %'`.execute(db)
    assert.equal(audited.rows[0]?.n, 10_000)
    assert.equal(await lab.change((change) => refreshPosture(change, ids)), 0)
  })
})
