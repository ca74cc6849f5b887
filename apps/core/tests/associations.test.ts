/**
 * ActiveSync associations: what Sentries report, to which device it belongs, and what administrators decide by hand.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Client } from 'pg'
import type { AssociationDetail } from '@postern/contract/api/associations'
import { type AssociationReport, MAX_ASSOCIATIONS } from '@postern/contract/feed/gateway-report'
import { type CoreClient, CoreRefusal } from '@postern/harness/core-client'
import type { Actor } from '../src/audit/chain.ts'
import { dropUnlinked, expireAssociationDecisions } from '../src/services/associations/decide.ts'
import { recordAssociations, UNLINKED_PER_USER } from '../src/services/associations/record.ts'
import { auditOf, type AuditRow } from './support/audit-rows.ts'
import { startTestCore, type TestCore } from './support/test-core.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
/** Of a report with its audit rows, and what runs beside it: clocks look every second. */
const MOST_STATEMENTS = 20
const NOTE = { note: 'asked for by the help desk' }

let core: TestCore
let ada: CoreClient
let sentryId: string
let otherSentryId: string
const sentryActor = (): Actor => ({ kind: 'sentry', id: sentryId, name: 'gate 1' })

before(async () => {
  core = await startTestCore()
  ada = await core.signIn()
  sentryId = (await ada.call('createSentry', { body: { name: 'gate 1', profileId: null } })).body.sentry.id
  otherSentryId = (await ada.call('createSentry', { body: { name: 'gate 2', profileId: null } })).body.sentry.id
})
after(() => core[Symbol.asyncDispose]())

let count = 0
const fresh = (): string => `${(count += 1)}`
const fingerprint = (text: string): string => `sha256:${Buffer.from(text).toString('hex').padStart(64, '0')}`
const report = (given: Partial<AssociationReport>): AssociationReport => ({
  ...{ user: `nobody${fresh()}@example.com`, easDeviceId: `EAS${fresh()}`, deviceType: 'iPhone' },
  ...{ userAgent: 'Apple-iPhone/1', protocolVersion: '16.1', certificate: null, device: null },
  ...{ decision: 'refuse', reasons: ['DEVICE_UNKNOWN'], wipe: null, requests: 1 },
  ...{ firstSeen: core.now() - 1_000, lastSeen: core.now() },
  ...given,
})
const record = (reports: readonly AssociationReport[], sentry = sentryId): Promise<void> =>
  core.core.services.store.change(sentryActor(), (change) => recordAssociations(change, sentry, reports))
/** The association of a report as the API shows it. */
const shown = async ({ user, easDeviceId }: AssociationReport): Promise<AssociationDetail> => {
  const { body } = await ada.call('listAssociations', { query: { search: easDeviceId, user: user ?? '' } })
  const found = body.items.find((item) => item.easDeviceId.toLowerCase() === easDeviceId.toLowerCase())
  const id = found?.id ?? assert.fail(`no association of ${user ?? 'nobody'} and ${easDeviceId}`)
  return (await ada.call('readAssociation', { params: { id } })).body
}
const recorded = async (given: Partial<AssociationReport> = {}): Promise<AssociationDetail> => {
  const one = report(given)
  await record([one])
  return shown(one)
}
const addUser = async (): Promise<string> => {
  const userName = `user${fresh()}@example.com`
  await ada.call('createUser', { body: { userName, email: `mail.${userName}` } })
  return userName
}
const addDevice = async (userName: string, more: object = {}): Promise<string> => {
  const device = { userName, name: `phone ${fresh()}`, platform: 'iOS', ownership: 'company' } as const
  return (await ada.call('createDevice', { body: { ...device, requiresIdentity: false, ...more } })).body.id
}
const addCertificate = async (id: string): Promise<{ id: string; fingerprint: string }> => {
  const body = {
    fingerprint: fingerprint(`certificate ${fresh()}`),
    notBefore: new Date(core.now() - HOUR).toISOString(),
    notAfter: new Date(core.now() + 1_000 * HOUR).toISOString(),
  }
  const identity = (await ada.call('registerIdentity', { params: { id }, body })).body
  return { id: identity.id, fingerprint: identity.fingerprint }
}
const refusal = async (work: Promise<unknown>): Promise<string> => {
  const error: unknown = await work.then(
    () => assert.fail('it was taken'),
    (reason: unknown) => reason,
  )
  return error instanceof CoreRefusal ? error.code : assert.fail(String(error))
}
const at = (ms: number): string => new Date(core.now() + ms).toISOString()
const postureOf = async (key: string): Promise<unknown> => {
  const { db } = core.core.services.store
  const row = await db
    .selectFrom('posture_entries')
    .select('value')
    .where('kind', '=', 'device')
    .where('key', '=', key)
    .executeTakeFirst()
  return row?.value ?? null
}
const decisionOf = async (deviceId: string): Promise<string> =>
  (await ada.call('readDevice', { params: { id: deviceId } })).body.decision
const decisionsOf = async (name: string): Promise<AuditRow[]> =>
  (await auditOf(core, 'decision.change')).filter((row) => row.object_name?.includes(name) === true)
const codes = ({ why }: AssociationDetail): string[] => why.map(({ code }) => code)

describe('linking', () => {
  test('by certificate, whatever the id', async () => {
    const device = await addDevice(await addUser())
    const { fingerprint: certificate } = await addCertificate(device)
    const { linkedBy, device: linked } = await recorded({ certificate })
    assert.deepEqual([linkedBy, linked?.id], ['certificate', device])
  })
  test('by the id, exact but for case, for the owner only', async () => {
    const user = await addUser()
    const easDeviceId = `Abc${fresh()}`
    const device = await addDevice(user, { easDeviceIds: [easDeviceId.toUpperCase()] })
    const owner = await recorded({ user: user.toUpperCase(), easDeviceId })
    assert.deepEqual([owner.linkedBy, owner.device?.id], ['easDeviceId', device])
    const byMail = await recorded({ user: `mail.${user}`, easDeviceId })
    assert.equal(byMail.device?.id, device)
    for (const other of [await addUser(), 'stranger@example.com', null]) {
      const one = await recorded({ user: other, easDeviceId })
      assert.deepEqual([one.linkedBy, one.device], [null, null], String(other))
    }
    assert.equal((await recorded({ user, easDeviceId: `${easDeviceId}1` })).device, null)
  })
  test('a later certificate takes the place of the id; a link by hand stays', async () => {
    const user = await addUser()
    const easDeviceId = `id${fresh()}`
    const [byId, byCertificate, byHand] = [
      await addDevice(user, { easDeviceIds: [easDeviceId] }),
      await addDevice(user),
      await addDevice(user),
    ]
    const { fingerprint: certificate } = await addCertificate(byCertificate)
    const one = report({ user, easDeviceId })
    await record([one])
    assert.equal((await shown(one)).device?.id, byId)
    await record([{ ...one, certificate }])
    assert.equal((await shown(one)).device?.id, byCertificate)
    const stranger = report({})
    await record([stranger])
    const { id } = await shown(stranger)
    await ada.call('linkAssociation', { params: { id }, body: { deviceId: byHand, ...NOTE } })
    await record([{ ...stranger, certificate, lastSeen: core.now() }])
    const { linkedBy, device } = await shown(stranger)
    assert.deepEqual([linkedBy, device?.id], ['hand', byHand])
  })
})

describe('reports', () => {
  test('of one association are counted together, by Sentries and their restarts', async () => {
    const one = report({ requests: 5, firstSeen: core.now() - 9_000 })
    await record([one])
    await record([{ ...one, requests: 7 }])
    await record([{ ...one, requests: 4 }], otherSentryId)
    await record([{ ...one, requests: 2, firstSeen: core.now() }])
    const { requests, sentry, firstSeen } = await shown(one)
    assert.deepEqual([requests, sentry?.name], [5 + 2 + 4 + 2, 'gate 1'])
    assert.equal(firstSeen, new Date(one.firstSeen).toISOString())
  })
  test('that are late change no decision', async () => {
    const one = report({ decision: 'allow', reasons: [] })
    await record([one])
    const late = { ...one, lastSeen: one.lastSeen - 500, firstSeen: one.firstSeen - 500 }
    await record([{ ...late, decision: 'refuse', reasons: ['DEVICE_BLOCKED'] }], otherSentryId)
    const { decision, firstSeen, requests } = await shown(one)
    assert.deepEqual([decision, firstSeen, requests], ['allow', new Date(late.firstSeen).toISOString(), 2])
  })
  test('of a clock that is ahead are of now', async () => {
    const { lastSeen } = await recorded({ lastSeen: core.now() + 48 * HOUR })
    assert.ok(new Date(lastSeen).getTime() <= core.now())
  })
  test('with characters that no database takes are kept readable', async () => {
    const one = report({ user: 'a\u0000b\ud800@example.com', userAgent: 'x\u0000' })
    await record([one])
    const { body } = await ada.call('listAssociations', { query: { search: one.easDeviceId } })
    assert.equal(body.items[0]?.user, 'a\ufffdb\ufffd@example.com')
  })
  test('write an audit row when decision or reasons change, and only then', async () => {
    const device = await addDevice(await addUser())
    const { fingerprint: certificate } = await addCertificate(device)
    const one = report({ certificate, decision: 'allow', reasons: [] })
    await record([one])
    await record([{ ...one, requests: 2 }])
    await record([{ ...one, decision: 'refuse', reasons: ['DEVICE_BLOCKED'] }])
    await record([{ ...one, decision: 'refuse', reasons: ['DEVICE_BLOCKED'], userAgent: 'other' }])
    await record([{ ...one, decision: 'refuse', reasons: ['DEVICE_BLOCKED', 'BLOCKED_BY_HAND'] }])
    const rows = await decisionsOf(one.easDeviceId)
    assert.deepEqual(
      rows.map((row) => row.after),
      [
        { decision: 'allow', reasons: [] },
        { decision: 'refuse', reasons: ['DEVICE_BLOCKED'] },
        { decision: 'refuse', reasons: ['DEVICE_BLOCKED', 'BLOCKED_BY_HAND'] },
      ],
    )
    assert.deepEqual(new Set(rows.map((row) => row.actor_name)), new Set(['gate 1']))
  })
  test('of strangers who are refused write none, however often their reasons change', async () => {
    const one = report({})
    await record([one])
    await record([{ ...one, reasons: ['CERTIFICATE_UNTRUSTED'] }])
    assert.deepEqual(await decisionsOf(one.easDeviceId), [])
  })
  test('a full one costs a handful of statements, and as many when it comes again', async (t) => {
    const user = await addUser()
    const ids = Array.from({ length: 50 }, (_, i) => `BULK${i}`)
    await addDevice(user, { easDeviceIds: ids })
    const reports = Array.from({ length: MAX_ASSOCIATIONS }, (_, i) =>
      report({ user: i < 50 ? user : `bulk${i}@example.com`, easDeviceId: `BULK${i}`, decision: 'allow', reasons: [] }),
    )
    const queries = t.mock.method(Client.prototype, 'query')
    await record(reports)
    const first = queries.mock.callCount()
    await record(reports.map((one) => ({ ...one, requests: 2, decision: 'refuse' })))
    const again = queries.mock.callCount() - first
    queries.mock.restore()
    assert.ok(first > 5 && first <= MOST_STATEMENTS, `${first} statements`)
    assert.ok(again > 5 && again <= MOST_STATEMENTS, `${again} statements`)
    const { body } = await ada.call('listAssociations', { query: { search: 'BULK', limit: 500 } })
    assert.equal(body.items.length, MAX_ASSOCIATIONS)
  })
  test(`keep ${UNLINKED_PER_USER} unlinked ones of a user, the last seen, and every one that somebody decided about`, async () => {
    const user = `many${fresh()}@example.com`
    const first = report({ user, easDeviceId: 'FIRST', lastSeen: core.now() - HOUR })
    await record([first])
    const { id } = await shown(first)
    await ada.call('blockAssociation', { params: { id }, body: NOTE })
    const reports = Array.from({ length: UNLINKED_PER_USER + 5 }, (_, i) =>
      report({ user, easDeviceId: `N${i}`, lastSeen: core.now() - 1_000 + i }),
    )
    await record(reports)
    const { body } = await ada.call('listAssociations', { query: { user, limit: 500 } })
    assert.deepEqual(
      new Set(body.items.map((item) => item.easDeviceId)),
      new Set(['FIRST', ...reports.slice(5).map((one) => one.easDeviceId)]),
    )
  })
  test('an acknowledged wipe is recorded on the device that was to be wiped', async () => {
    const user = await addUser()
    const easDeviceId = `WIPE${fresh()}`
    const device = await addDevice(user, { easDeviceIds: [easDeviceId] })
    await ada.call('wipeDevice', { params: { id: device }, body: NOTE })
    const one = report({ user, easDeviceId, device, decision: 'refuse', reasons: ['WIPE_PENDING'] })
    await record([{ ...one, wipe: { phase: 'directive-sent', at: core.now() } }])
    assert.equal((await shown(one)).standing, 'blocked')
    await record([{ ...one, wipe: { phase: 'acknowledged', at: core.now() } }])
    assert.equal((await shown(one)).standing, 'wiped')
    assert.equal((await ada.call('readDevice', { params: { id: device } })).body.state, 'wiped')
  })
})

describe('a decision by hand about a linked association', () => {
  test('acts on its device, and ends when it is taken back', async () => {
    const user = await addUser()
    const easDeviceId = `L${fresh()}`
    const device = await addDevice(user, { easDeviceIds: [easDeviceId] })
    const { id, standing } = await recorded({ user, easDeviceId, decision: 'allow', reasons: [] })
    assert.deepEqual([standing, await decisionOf(device)], ['allowed', 'allow'])
    const blocked = (await ada.call('blockAssociation', { params: { id }, body: NOTE })).body
    assert.deepEqual(
      [blocked.standing, codes(blocked), await decisionOf(device)],
      ['blocked', ['ASSOCIATION_BLOCKED'], 'block'],
    )
    assert.equal(await postureOf(`association:${id}`), null)
    const reverted = (await ada.call('revertAssociation', { params: { id }, body: NOTE })).body
    assert.deepEqual([reverted.override, codes(reverted), await decisionOf(device)], [null, ['MANAGED'], 'allow'])
    const actions = (await auditOf(core)).filter((row) => row.object_name?.endsWith(easDeviceId))
    assert.deepEqual(
      actions.map((row) => [row.action, row.note]),
      [
        ['decision.change', null],
        ['association.link', null],
        ['association.block', NOTE.note],
        ['association.revert', NOTE.note],
      ],
    )
  })
  test('expires by itself', async () => {
    const user = await addUser()
    const easDeviceId = `X${fresh()}`
    const device = await addDevice(user, { easDeviceIds: [easDeviceId] })
    const { id } = await recorded({ user, easDeviceId })
    await ada.call('blockAssociation', { params: { id }, body: { ...NOTE, expiresAt: at(MINUTE) } })
    await expireAssociationDecisions(core.core.services)
    assert.equal(await decisionOf(device), 'block')
    core.advance(MINUTE + 1_000)
    await expireAssociationDecisions(core.core.services)
    const after = (await ada.call('readAssociation', { params: { id } })).body
    assert.deepEqual([after.override, await decisionOf(device)], [null, 'allow'])
    const [row] = (await auditOf(core, 'association.expire')).filter((one) => one.object_name?.endsWith(easDeviceId))
    assert.equal(row?.actor_name, 'Core')
  })
  for (const [verb, kept, other] of [
    ['blockAssociation', 'block', 'allow'],
    ['allowAssociation', 'allow', 'block'],
  ] as const) {
    test(`stays with that device when another phone sends its id (${kept})`, async () => {
      const user = await addUser()
      const easDeviceId = `M${fresh()}`
      const first = await addDevice(user, { easDeviceIds: [easDeviceId], requiresIdentity: kept === 'allow' })
      const second = await addDevice(user, { state: kept === 'allow' ? 'enrolling' : 'active' })
      const { fingerprint: certificate } = await addCertificate(second)
      const one = report({ user, easDeviceId })
      await record([one])
      const { id } = await shown(one)
      await ada.call(verb, { params: { id }, body: NOTE })
      await record([{ ...one, certificate, lastSeen: core.now() }])
      assert.deepEqual([await decisionOf(first), await decisionOf(second)], [kept, other])
      await ada.call('revertAssociation', { params: { id }, body: NOTE })
      await record([{ ...one, certificate, lastSeen: core.now() }])
      assert.equal((await shown(one)).device?.id, second)
    })
  }
  test('never lets in a device that is retired or whose certificate is revoked', async () => {
    const user = await addUser()
    const easDeviceId = `R${fresh()}`
    const device = await addDevice(user, { easDeviceIds: [easDeviceId], requiresIdentity: true })
    const { id: identityId, fingerprint: certificate } = await addCertificate(device)
    const { id } = await recorded({ user, easDeviceId, certificate })
    await ada.call('allowAssociation', { params: { id }, body: NOTE })
    await ada.call('revokeIdentity', { params: { id: device, identityId }, body: NOTE })
    assert.equal(await decisionOf(device), 'block')
    await ada.call('retireDevice', { params: { id: device }, body: NOTE })
    const { standing, why } = (await ada.call('readAssociation', { params: { id } })).body
    assert.equal(standing, 'blocked')
    assert.ok(why.every(({ title, remedy }) => title !== '' && remedy !== ''))
    assert.ok(['RETIRED', 'ASSOCIATION_ALLOWED'].every((code) => why.some((reason) => reason.code === code)))
  })
})

describe('a decision by hand about an unlinked association', () => {
  test('lets in that user with that id, and ends when it expires', async () => {
    const one = report({})
    await record([one])
    const { id, standing } = await shown(one)
    assert.equal(standing, 'blocked')
    const body = { ...NOTE, expiresAt: at(MINUTE) }
    const allowed = (await ada.call('allowAssociation', { params: { id }, body })).body
    assert.deepEqual([allowed.standing, codes(allowed)], ['allowed', ['ASSOCIATION_ALLOWED']])
    assert.deepEqual(await postureOf(`association:${id}`), {
      ...{ id: `association:${id}`, user: one.user, easDeviceIds: [one.easDeviceId], certificates: [] },
      ...{ posture: 'allow', reasons: ['ASSOCIATION_ALLOWED'] },
    })
    core.advance(MINUTE + 1_000)
    await expireAssociationDecisions(core.core.services)
    assert.equal(await postureOf(`association:${id}`), null)
    const after = (await ada.call('readAssociation', { params: { id } })).body
    assert.deepEqual([after.standing, after.override, codes(after)], ['blocked', null, ['DEVICE_UNKNOWN']])
  })
  test('stays blocked all the same when nobody proved who they are', async () => {
    const { id } = await recorded({ reasons: ['TOKEN_USER_MISMATCH'] })
    const allowed = (await ada.call('allowAssociation', { params: { id }, body: NOTE })).body
    assert.deepEqual([allowed.standing, codes(allowed)], ['blocked', ['ASSOCIATION_ALLOWED', 'TOKEN_USER_MISMATCH']])
  })
  test('goes along to the device when it is linked, and back when it is unlinked', async () => {
    const device = await addDevice(await addUser())
    const { id, easDeviceId } = await recorded()
    await ada.call('blockAssociation', { params: { id }, body: NOTE })
    const linked = (await ada.call('linkAssociation', { params: { id }, body: { deviceId: device, ...NOTE } })).body
    assert.deepEqual([linked.linkedBy, linked.device?.id], ['hand', device])
    const { body } = await ada.call('readDevice', { params: { id: device } })
    assert.deepEqual([body.easDeviceIds, body.decision], [[easDeviceId], 'block'])
    assert.equal(await postureOf(`association:${id}`), null)
    const unlinked = (await ada.call('unlinkAssociation', { params: { id }, body: NOTE })).body
    assert.deepEqual([unlinked.device, unlinked.standing], [null, 'blocked'])
    const freed = (await ada.call('readDevice', { params: { id: device } })).body
    assert.deepEqual([freed.easDeviceIds, freed.decision], [[], 'allow'])
    assert.notEqual(await postureOf(`association:${id}`), null)
  })
  test('goes along when a report links it, with whoever decided and when', async () => {
    const user = await addUser()
    const one = report({ user })
    await record([one])
    const { id } = await shown(one)
    const { override } = (await ada.call('blockAssociation', { params: { id }, body: NOTE })).body
    const device = await addDevice(user, { easDeviceIds: [one.easDeviceId] })
    assert.equal(await decisionOf(device), 'allow')
    await record([{ ...one, lastSeen: core.now() }])
    assert.deepEqual([await decisionOf(device), await postureOf(`association:${id}`)], ['block', null])
    const { reasons } = (await ada.call('whyDevice', { params: { id: device } })).body
    assert.deepEqual(
      reasons.map(({ code, source, since }) => [code, source, since]),
      [['ASSOCIATION_BLOCKED', override?.by, override?.at]],
    )
  })
  test('removed with its association; the next request brings that back, undecided', async () => {
    const one = report({})
    await record([one])
    const { id } = await shown(one)
    await ada.call('allowAssociation', { params: { id }, body: NOTE })
    assert.equal((await ada.call('removeAssociation', { params: { id }, body: NOTE })).status, 204)
    assert.equal(await postureOf(`association:${id}`), null)
    assert.equal(await refusal(ada.call('readAssociation', { params: { id } })), 'NOT_FOUND')
    await record([one])
    const again = await shown(one)
    assert.notEqual(again.id, id)
    assert.equal(again.override, null)
  })
})

describe('an action is refused', () => {
  const rows: {
    title: string
    act: (id: string) => Promise<unknown>
    code: string
    given?: Partial<AssociationReport>
  }[] = [
    {
      title: 'without a note',
      act: (id) => ada.call('allowAssociation', { params: { id }, body: { note: ' ' } }),
      code: 'INVALID',
    },
    {
      title: 'that would have expired',
      act: (id) => ada.call('allowAssociation', { params: { id }, body: { ...NOTE, expiresAt: at(-HOUR) } }),
      code: 'INVALID',
    },
    {
      title: 'that names no time',
      act: (id) =>
        ada.call('allowAssociation', { params: { id }, body: { ...NOTE, expiresAt: '2026-02-31T00:00:00.000Z' } }),
      code: 'INVALID',
    },
    {
      title: 'about nobody',
      act: (id) => ada.call('allowAssociation', { params: { id }, body: NOTE }),
      code: 'CONFLICT',
      given: { user: null },
    },
    {
      title: 'about an id that no device has',
      act: (id) => ada.call('blockAssociation', { params: { id }, body: NOTE }),
      code: 'CONFLICT',
      given: { easDeviceId: 'a-b' },
    },
    {
      title: 'that takes nothing back',
      act: (id) => ada.call('revertAssociation', { params: { id }, body: NOTE }),
      code: 'CONFLICT',
    },
    {
      title: 'that unlinks from nothing',
      act: (id) => ada.call('unlinkAssociation', { params: { id }, body: NOTE }),
      code: 'CONFLICT',
    },
    {
      title: 'that links to a device that is not there',
      act: (id) => {
        const deviceId = '00000000-0000-4000-8000-000000000000'
        return ada.call('linkAssociation', { params: { id }, body: { deviceId, ...NOTE } })
      },
      code: 'NOT_FOUND',
    },
  ]
  for (const { title, act, code, given } of rows) {
    test(title, async () => assert.equal(await refusal(act((await recorded(given)).id)), code))
  }
  test('that would shut out the device whose id a stranger claims', async () => {
    const owner = await addUser()
    const easDeviceId = `OWN${fresh()}`
    const byId = await addDevice(owner, { easDeviceIds: [easDeviceId] })
    const byCertificate = await addDevice(owner)
    const { fingerprint: certificate } = await addCertificate(byCertificate)
    const seen = await recorded({ user: owner, certificate })
    for (const id of [easDeviceId, seen.easDeviceId]) {
      const stranger = await recorded({ easDeviceId: id })
      assert.equal(stranger.device, null)
      for (const action of ['blockAssociation', 'allowAssociation'] as const) {
        assert.equal(await refusal(ada.call(action, { params: { id: stranger.id }, body: NOTE })), 'CONFLICT')
      }
    }
    assert.deepEqual([await decisionOf(byId), await decisionOf(byCertificate)], ['allow', 'allow'])
  })
  test('that links an id of another device, which is named', async () => {
    const user = await addUser()
    const { id, easDeviceId } = await recorded()
    await addDevice(user, { easDeviceIds: [easDeviceId], name: 'holder' })
    const deviceId = await addDevice(user)
    await assert.rejects(
      ada.call('linkAssociation', { params: { id }, body: { deviceId, ...NOTE } }),
      (error) => error instanceof CoreRefusal && error.code === 'CONFLICT' && error.message.includes('"holder"'),
    )
  })
  test('that links to a retired device, or unlinks what its certificate links', async () => {
    const user = await addUser()
    const deviceId = await addDevice(user)
    const { fingerprint: certificate } = await addCertificate(deviceId)
    const { id } = await recorded({ certificate })
    assert.equal(await refusal(ada.call('unlinkAssociation', { params: { id }, body: NOTE })), 'CONFLICT')
    await ada.call('retireDevice', { params: { id: deviceId }, body: NOTE })
    const other = (await recorded()).id
    const link = ada.call('linkAssociation', { params: { id: other }, body: { deviceId, ...NOTE } })
    assert.equal(await refusal(link), 'CONFLICT')
  })
})

describe('lists', () => {
  test('the five groups are what the lists hold', async () => {
    const { body: groups } = await ada.call('countAssociations')
    const count = async (query: object): Promise<number> => {
      let total = 0
      let cursor: string | undefined
      do {
        const page = await ada.call('listAssociations', {
          query: { ...query, limit: 200, ...(cursor === undefined ? {} : { cursor }) },
        })
        total += page.body.items.length
        cursor = page.body.next ?? undefined
      } while (cursor !== undefined)
      return total
    }
    const counted = {
      registeredAllowed: await count({ state: 'linked', standing: 'allowed' }),
      registeredBlocked: await count({ state: 'linked', standing: 'blocked' }),
      unregisteredAllowed: await count({ state: 'unlinked', standing: 'allowed' }),
      unregisteredBlocked: await count({ state: 'unlinked', standing: 'blocked' }),
      wiped: await count({ standing: 'wiped' }),
    }
    assert.deepEqual(groups, counted)
    assert.ok(
      Object.values(groups).every((number) => number > 0),
      JSON.stringify(groups),
    )
    assert.equal(
      Object.values(groups).reduce((a, b) => a + b, 0),
      await count({}),
    )
  })
  test('by user, device, decision; the last seen first', async () => {
    const user = await addUser()
    const device = await addDevice(user, { easDeviceIds: ['LIST1', 'LIST2'] })
    const both = ['LIST1', 'LIST2'].map((easDeviceId, i) =>
      report({ user, easDeviceId, lastSeen: core.now() - 1_000 + i, decision: i === 0 ? 'refuse' : 'report' }),
    )
    await record(both)
    const ids = async (query: object): Promise<string[]> =>
      (await ada.call('listAssociations', { query })).body.items.map((item) => item.easDeviceId)
    assert.deepEqual(await ids({ user: user.toUpperCase() }), ['LIST2', 'LIST1'])
    assert.deepEqual(await ids({ device }), ['LIST2', 'LIST1'])
    assert.deepEqual(await ids({ device, decision: 'report' }), ['LIST2'])
  })
  test('the longest unseen of too many strangers go, those with a decision stay', async () => {
    const { db } = core.core.services.store
    const unlinked = () =>
      db
        .selectFrom('associations')
        .select(({ fn }) => fn.countAll<number>().as('n'))
        .where('device_id', 'is', null)
        .where('override_kind', 'is', null)
        .executeTakeFirstOrThrow()
    const { n } = await unlinked()
    assert.ok(n > 10)
    assert.equal(await dropUnlinked(core.core.services, 10), n - 10)
    assert.equal((await unlinked()).n, 10)
  })
})
