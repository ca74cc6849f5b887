import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { FEED_PATHS } from '@postern/contract/feed/enrolment'
import type { CoreClient } from '@postern/harness/core-client'
import { call, caOf, enrol, openFeed } from './support/feed-lab.ts'
import { startTestCore, type TestCore } from './support/test-core.ts'

const ABSENT = '00000000-0000-4000-8000-000000000000'

let core: TestCore
let admin: CoreClient
before(async () => {
  core = await startTestCore({ localSentry: true })
  admin = await core.signIn()
})
after(() => core[Symbol.asyncDispose]())

describe('Sentries through the API', () => {
  test('nobody, and names that are none, are refused', async () => {
    await assert.rejects(core.client().call('listSentries'), { code: 'NOT_SIGNED_IN' })
    for (const name of ['', ' x', 'x\n', 'x'.repeat(65), '\u00a0']) {
      await assert.rejects(admin.call('createSentry', { body: { name, profileId: null } }), { code: 'INVALID' })
    }
    await assert.rejects(admin.call('createSentry', { body: { name: 'x', profileId: ABSENT } }), { code: 'IN_USE' })
    for (const name of ['readSentry', 'newSentryToken', 'removeSentry'] as const) {
      await assert.rejects(admin.call(name, { params: { id: ABSENT } }), { code: 'NOT_FOUND' })
    }
  })

  test('added, registered with the command that was shown, seen, renamed, revoked and removed', async () => {
    const { status, body } = await admin.call('createSentry', { body: { name: 'Bern', profileId: null } })
    assert.equal(status, 201)
    const { sentry, invitation } = body
    assert.equal(new URL(invitation.core).port, String(core.core.ports.feed))
    assert.ok(invitation.command.startsWith(`postern-sentry enroll --core ${invitation.core} --token pse1.`))
    const machine = await enrol(core.core.ports.feed, invitation.token)
    await using feed = await openFeed(core.core.ports.feed, machine)
    await feed.until(({ type }) => type === 'snapshot-end')
    const params = { id: sentry.id }
    const seen = await admin.call('readSentry', { params })
    assert.deepEqual(
      [seen.body.registration.state, seen.body.connection.connected, seen.body.configuration.state],
      ['registered', true, 'none'],
    )
    const rename = { params, body: { name: 'Basel' } }
    await assert.rejects(admin.call('updateSentry', rename), { code: 'PRECONDITION_REQUIRED' })
    const renamed = await admin.call('updateSentry', { ...rename, ifMatch: seen.body.version })
    assert.equal(renamed.body.name, 'Basel')
    const revoked = await admin.call('revokeSentry', { params, body: { note: 'stolen' } })
    assert.equal(revoked.body.registration.state, 'revoked')
    await feed.ended
    assert.equal((await admin.call('removeSentry', { params })).status, 204)
    await assert.rejects(admin.call('readSentry', { params }), { code: 'NOT_FOUND' })
  })

  test('a token is never kept for a repeated request, and no list shows one', async () => {
    const request = { body: { name: 'repeated', profileId: null }, idempotencyKey: 'again' }
    const { body } = await admin.call('createSentry', request)
    await assert.rejects(admin.call('createSentry', request), { code: 'CONFLICT' })
    const list = JSON.stringify((await admin.call('listSentries')).body)
    assert.ok(list.includes('repeated'))
    assert.ok(!list.includes('pse1.') && !list.includes(body.invitation.token))
  })

  test('the Sentry beside Core gets its token from the process that started both', async () => {
    const token = core.core.localSentryToken ?? ''
    assert.equal((await enrol(core.core.ports.feed, token)).reply.status, 200)
  })

  test('no listener serves what another one does', async () => {
    const ca = caOf(core.core.localSentryToken ?? '')
    const { device, feed } = core.core.ports
    const statuses = await Promise.all(
      [device, feed].map(
        async (port) => (await call({ port, ca }, null, { method: 'GET', path: '/api/v1/sentries' })).status,
      ),
    )
    assert.deepEqual(statuses, [404, 401])
    const { status } = await core.client().request({ method: 'POST', path: FEED_PATHS.enrol, body: '{}' })
    assert.equal(status, 404)
  })
})
