/** Row T65 of the acceptance list: who is blocked gets no fresh token; and 3.7 item 7, tokens of somebody else. */
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { startLab } from '@postern/harness/lab'
import type { Lab } from '@postern/harness/lab'
import {
  assertRefusedPage,
  assertRefusedToken,
  AUTHORIZE,
  jsonOf,
  mailClaims,
  post,
  REDEEM,
  REFRESH,
  unsignedToken,
  V1_AUTHORIZE,
  V2_TOKEN,
} from './support/oauth-requests.ts'
import type { Reply } from './support/oauth-requests.ts'
import { startScriptedProvider, V1_ANSWER } from './support/scripted-provider.ts'
import type { ScriptedProvider } from './support/scripted-provider.ts'

type Draft = Lab['policy']['snapshot']

describe('blocked', () => {
  let lab: Lab
  let provider: ScriptedProvider
  before(async () => {
    provider = await startScriptedProvider()
    lab = await startLab({ config: { oauth: provider.oauth } })
  })
  after(async () => {
    await lab[Symbol.asyncDispose]()
    await provider[Symbol.asyncDispose]()
  })
  afterEach(async () => {
    provider.received.length = 0
    await publish((draft) => {
      draft.blockedUsers = []
      draft.revokedCertificates = []
      for (const device of draft.devices) Object.assign(device, { posture: 'allow', reasons: [] })
    })
  })

  const publish = async (change: (draft: Draft) => void): Promise<void> => {
    await lab.policy.publish(change)
    await lab.policy.applied()
  }
  const posture = (user: string, value: 'block' | 'wipe'): Promise<void> =>
    publish((draft) => {
      for (const device of draft.devices) if (device.user === user) device.posture = value
    })
  const issue = (tokens: Record<string, string>, when?: Promise<unknown>): void => {
    const body = JSON.stringify({ token_type: 'Bearer', expires_in: '3599', ...tokens })
    provider.next({ kind: 'respond', status: 200, body, ...(when === undefined ? {} : { when }) })
  }
  const audited = async (reply: Reply): Promise<{ event: string; decision: string; reasons: readonly string[] }> =>
    lab.sentry.waitForAudit(({ id }) => id === reply.headers['x-request-id'])

  for (const [title, body] of [
    ['refresh', REFRESH],
    ['code redemption', REDEEM],
  ] as const) {
    test(`T65 ${title} of a blocked device: invalid_grant, and the identity provider receives nothing`, async () => {
      await publish((draft) => {
        Object.assign(draft.devices[0] ?? {}, { posture: 'block', reasons: ['OS_TOO_OLD'] })
      })
      const reply = await post(lab, body, { device: lab.devices['ann-phone'] })
      assertRefusedToken(reply, 400, 'invalid_grant')
      assert.deepEqual(provider.received, [])
      const { event, decision, reasons } = await audited(reply)
      assert.deepEqual([event, decision, reasons], ['token', 'refuse', ['DEVICE_BLOCKED', 'OS_TOO_OLD']])
      const other = await post(lab, body, { device: lab.devices['ann-tablet'] })
      assert.equal(other.status, 200, 'her other device goes on')
    })
  }

  test('T65 refresh on v2.0 of a blocked user with a certificate', async () => {
    await publish((draft) => draft.blockedUsers.push('ann@example.com'))
    const reply = await post(lab, REFRESH, { device: lab.devices['ann-phone'], path: V2_TOKEN })
    assertRefusedToken(reply, 400, 'invalid_grant')
    assert.deepEqual(provider.received, [])
    assert.ok((await audited(reply)).reasons.includes('USER_BLOCKED'))
  })

  test('T65 refresh of a device that is to be wiped', async () => {
    await posture('ann@example.com', 'wipe')
    assertRefusedToken(await post(lab, REFRESH, { device: lab.devices['ann-phone'] }), 400, 'invalid_grant')
    assert.deepEqual(provider.received, [])
  })

  const ann = (claims: Record<string, unknown> = {}): string => unsignedToken(mailClaims('ann@example.com', claims))
  const issued: readonly [title: string, tokens: () => Record<string, string>][] = [
    ['upn of the access token', () => ({ access_token: ann(), refresh_token: 'canary' })],
    ['the name in capitals', () => ({ access_token: ann({ upn: 'ANN@Example.COM' }), refresh_token: 'canary' })],
    ['unique_name', () => ({ access_token: ann({ upn: undefined, unique_name: 'ann@example.com' }) })],
    [
      'the id token alone',
      () => ({ access_token: 'opaque', id_token: ann({ upn: undefined, preferred_username: 'ann@example.com' }) }),
    ],
    [
      'the id token, after an access token of Bob',
      () => ({ access_token: unsignedToken(mailClaims('bob@example.com')), id_token: ann() }),
    ],
  ]
  for (const [title, tokens] of issued) {
    test(`T65 without certificate, blocked user known by ${title}: issued tokens are not delivered`, async () => {
      await publish((draft) => draft.blockedUsers.push('ann@example.com'))
      issue(tokens())
      const reply = await post(lab, REFRESH)
      assert.equal(provider.received.length, 1)
      assertRefusedToken(reply, 400, 'invalid_grant')
      assert.deepEqual(Object.keys(jsonOf(reply.body)).sort(), ['error', 'error_description'])
      const { decision, reasons } = await audited(reply)
      assert.deepEqual([decision, reasons[0]], ['refuse', 'USER_BLOCKED'])
    })
  }

  test('T65 without certificate, every device of the user blocked: issued tokens are not delivered', async () => {
    await posture('ann@example.com', 'block')
    issue({ access_token: ann(), refresh_token: 'canary' })
    const reply = await post(lab, REFRESH)
    assertRefusedToken(reply, 400, 'invalid_grant')
    assert.ok(!reply.body.toString().includes('canary'))
  })

  test('T65 a block that arrives while the identity provider thinks: issued tokens are not delivered', async () => {
    const gate = Promise.withResolvers<undefined>()
    provider.next({ kind: 'respond', status: 200, body: V1_ANSWER, when: gate.promise })
    const pending = post(lab, REFRESH, { device: lab.devices['ann-phone'] })
    while (provider.received.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    await posture('ann@example.com', 'block')
    gate.resolve(undefined)
    assertRefusedToken(await pending, 400, 'invalid_grant')
  })

  test('T65 a revoked certificate gets no token', async () => {
    const { identity } = lab.devices['ann-phone']
    await publish((draft) => draft.revokedCertificates.push(identity.fingerprint))
    const reply = await post(lab, REFRESH, { device: lab.devices['ann-phone'] })
    assert.equal(reply.status, 403)
    assert.deepEqual(provider.received, [])
  })

  test('T65 a blocked device that shows its certificate is not sent to sign in', async () => {
    await posture('ann@example.com', 'block')
    await using client = await lab.raw(lab.devices['ann-phone'])
    await client.send(`GET ${V1_AUTHORIZE}?${AUTHORIZE} HTTP/1.1\r\nHost: ${lab.sentryName}\r\n\r\n`)
    assertRefusedPage(await client.readResponse(), [403], 'access_denied')
  })

  test('3.7 item 7: tokens of Bob for the certificate of Ann are discarded, with an alarm', async () => {
    issue({ access_token: unsignedToken(mailClaims('bob@example.com')), refresh_token: 'canary' })
    const reply = await post(lab, REFRESH, { device: lab.devices['ann-phone'] })
    assertRefusedToken(reply, 400, 'invalid_grant')
    assert.ok(!reply.body.toString().includes('canary'))
    const { event, reasons } = await audited(reply)
    assert.deepEqual([event, reasons[0]], ['alarm', 'TOKEN_USER_MISMATCH'])
  })

  test('T65 nobody blocked: the same requests get their tokens', async () => {
    const token = ann()
    issue({ access_token: token })
    const reply = await post(lab, REFRESH, { device: lab.devices['ann-phone'] })
    assert.deepEqual([reply.status, jsonOf(reply.body)['access_token']], [200, token])
  })
})
