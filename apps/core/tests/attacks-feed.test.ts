/**
 * A Sentry that somebody took over: it has a good certificate, and says whatever it likes. It may spoil what is said of
 * itself, and nothing else: neither what administrators read, nor other Sentries, nor who may have mail.
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { FEED_PATHS } from '@postern/contract/feed/enrolment'
import type { AssociationReport, GatewayReport } from '@postern/contract/feed/gateway-report'
import type { CoreClient } from '@postern/harness/core-client'
import { call, csrOf, enrol, type FeedReply, type Machine } from './support/feed-lab.ts'
import { startTestCore, type TestCore } from './support/test-core.ts'

let core: TestCore
let ada: CoreClient
let taken: Machine
let takenId: string

before(async () => {
  core = await startTestCore()
  ada = await core.signIn()
  const { sentry, invitation } = (await ada.call('createSentry', { body: { name: 'taken', profileId: null } })).body
  takenId = sentry.id
  taken = await enrol(core.core.ports.feed, invitation.token)
})
after(() => core[Symbol.asyncDispose]())

const feed = () => ({ port: core.core.ports.feed, ca: taken.ca })
const usual = (): GatewayReport => ({
  ...{ schema: 2, version: '1.0.0', startedAt: core.now(), notReady: [], servers: [], associations: [] },
  config: { applied: null, refused: null },
  posture: { epoch: null, seq: 0 },
  counts: { connections: 0, held: 0, requests: 0, allowed: 0, refused: 0 },
})
const seen = (more: Partial<AssociationReport> = {}): AssociationReport => ({
  ...{ user: 'user@example.test', easDeviceId: 'EAS1', deviceType: null, userAgent: null, protocolVersion: null },
  ...{ certificate: null, device: null, decision: 'allow', reasons: [], wipe: null, requests: 1 },
  ...{ firstSeen: Date.now(), lastSeen: Date.now(), ...more },
})
const report = (more: object): Promise<FeedReply> =>
  call(feed(), taken.identity, { method: 'POST', path: FEED_PATHS.report, body: { ...usual(), ...more } })
const faults = (): readonly string[] =>
  core.log.filter(({ event }) => event === 'fault' || event === 'feed-fault').map((line) => JSON.stringify(line))

describe('a Sentry that was taken over', () => {
  const most = Number.MAX_SAFE_INTEGER
  const bad = 'a\0b\ud800'
  const counts = { connections: most, held: most, requests: most, allowed: most, refused: most }
  const rows: readonly { readonly title: string; readonly more: object }[] = [
    { title: 'a start in another age', more: { startedAt: most } },
    { title: 'counts without end', more: { counts, posture: { epoch: 'x', seq: most } } },
    { title: 'texts that are none', more: { version: bad, notReady: [bad], posture: { epoch: bad, seq: 1 } } },
    { title: 'servers that are none', more: { servers: [{ server: bad, live: true, reason: bad }] } },
    { title: 'a document that is none', more: { config: { applied: bad, refused: null } } },
    {
      title: 'problems that are none',
      more: { config: { applied: null, refused: { etag: bad, problems: [{ path: bad, message: bad }] } } },
    },
    {
      title: 'phones of another age',
      more: { associations: [seen({ firstSeen: most, lastSeen: most, requests: most })] },
    },
    {
      title: 'phones of before time',
      more: { associations: [seen({ firstSeen: 0, lastSeen: 0, easDeviceId: 'E0' })] },
    },
    { title: 'a wipe of another age', more: { associations: [seen({ wipe: { phase: 'acknowledged', at: most } })] } },
    {
      title: 'a device that is none',
      more: { associations: [seen({ device: bad, certificate: `sha256:${'0'.repeat(64)}` })] },
    },
    {
      title: 'texts of phones that are none',
      more: { associations: [seen({ user: bad, easDeviceId: bad, reasons: [bad] })] },
    },
    { title: 'requests counted on', more: { associations: [seen({ requests: most }), seen({ requests: most })] } },
    { title: 'requests counted anew', more: { associations: [seen({ requests: most - 1 })] } },
    { title: 'a schema of the future', more: { schema: 1_000 } },
    { title: 'names of the language', more: JSON.parse('{"__proto__":{"a":1},"constructor":1}') as object },
  ]
  for (const { title, more } of rows) {
    test(`that tells of ${title} is no fault, and spoils no list`, async () => {
      const { status } = await report(more)
      assert.ok(status === 204 || (status >= 400 && status < 500), String(status))
      for (const read of [
        'listSentries',
        'listAssociations',
        'listDevices',
        'countAssociations',
        'readSystem',
      ] as const) {
        await ada.call(read)
      }
      await ada.call('readSentry', { params: { id: takenId } })
      assert.deepEqual(faults(), [])
    })
  }

  test('that sends nesting without end is refused', async () => {
    const text = `{"associations":${'['.repeat(200_000)}${']'.repeat(200_000)}}`
    const { status } = await call(feed(), taken.identity, { method: 'POST', path: FEED_PATHS.report, text })
    assert.equal(status, 400)
    assert.deepEqual(faults(), [])
  })

  for (const query of [
    '',
    'version=%00',
    'schemas=99999999999',
    'version=a%ed%a0%80&schemas=2',
    `x=${'9'.repeat(9_000)}`,
  ]) {
    test(`asks for the feed with ${JSON.stringify(query.slice(0, 40))}: no fault`, async () => {
      const { status } = await call(feed(), taken.identity, { method: 'GET', path: `${FEED_PATHS.feed}?${query}` })
      assert.equal(status, 400)
      assert.deepEqual(faults(), [])
    })
  }

  test('registers under no version that is none, and the token stays good', async () => {
    const { invitation } = (await ada.call('createSentry', { body: { name: 'odd', profileId: null } })).body
    const { token } = invitation
    const csr = await csrOf(taken.keys)
    const odd = { token, csr, version: bad, schemas: [2] }
    const { status } = await call(feed(), null, { method: 'POST', path: FEED_PATHS.enrol, body: odd })
    assert.equal(status, 400)
    assert.deepEqual(faults(), [])
    assert.equal((await enrol(core.core.ports.feed, token)).reply.status, 200)
  })

  test('lets in no phone, blocks none, wipes none, and speaks for no other Sentry', async () => {
    const user = (await ada.call('createUser', { body: { userName: 'victim@example.test' } })).body
    const device = { userName: user.userName, name: 'phone', platform: 'iOS', ownership: 'company' } as const
    const held = (await ada.call('createDevice', { body: { ...device, easDeviceIds: ['VICTIM1'] } })).body
    const free = (
      await ada.call('createDevice', { body: { ...device, requiresIdentity: false, easDeviceIds: ['VICTIM2'] } })
    ).body
    const other = (await ada.call('createSentry', { body: { name: 'other', profileId: null } })).body.sentry
    const claims = [held, free].flatMap(({ id, easDeviceIds: [easDeviceId = ''] }) =>
      (['allow', 'refuse'] as const).map((decision) =>
        seen({
          ...{ user: user.userName, easDeviceId, device: id, decision },
          wipe: { phase: 'acknowledged', at: core.now() },
          reasons: ['DEVICE_BLOCKED'],
        }),
      ),
    )
    for (const claim of claims) assert.equal((await report({ associations: [claim] })).status, 204)
    const now = async (id: string) => (await ada.call('readDevice', { params: { id } })).body
    const ends = [await now(held.id), await now(free.id)].map(({ state, decision }) => [state, decision])
    assert.deepEqual(ends, [
      [held.state, held.decision],
      [free.state, free.decision],
    ])
    const { body } = await ada.call('readSentry', { params: { id: other.id } })
    assert.deepEqual(body, other)
    assert.equal((await ada.call('verifyAudit', { body: {} })).body.ok, true)
  })
})
