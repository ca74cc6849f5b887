/**
 * Protocol document 9.2, T25 to T30, T32 and T33: who speaks, and whether all names agree (A7 to A9, A15).
 * @module
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { after, before, describe, test } from 'node:test'
import { type Lab, startLab } from '@postern/harness/lab'
import { hex } from './support/golden.ts'
import { auditOf } from './support/observe.ts'
import { assertNothingUpstream } from './support/wire.ts'

type EasOptions = NonNullable<Parameters<Lab['eas']>[1]>
type Reply = Awaited<ReturnType<Lab['eas']>>

const TENANT = '7f3a9c1e-5b2d-4e8a-9c47-1d6e0f2b8a35'
/** Status-only answers of 5.5 with Status 130. */
const DENIED_130 = {
  FolderSync: '03 01 6A 00 00 07 56 4C 03 31 33 30 00 01 01',
  Sync: '03 01 6A 00 45 4E 03 31 33 30 00 01 01',
  Ping: '03 01 6A 00 00 0D 45 47 03 31 33 30 00 01 01',
  SendMail: '03 01 6A 00 00 15 45 52 03 31 33 30 00 01 01',
} as const

let lab: Lab

before(async () => {
  lab = await startLab({ exchange: { requirePolicy: false }, config: { oauth: { tenantIds: [TENANT] } } })
})

after(() => lab[Symbol.asyncDispose]())

function ask(options: EasOptions): Promise<Reply> {
  return lab.eas(lab.devices['ann-phone'], options)
}

/** Status 130 byte for byte, an alarm with this reason, and nothing upstream. */
async function denied(options: EasOptions & { command?: keyof typeof DENIED_130 }, reason: string): Promise<void> {
  const reply = await assertNothingUpstream(lab, () => ask(options))
  assert.equal(reply.status, 200)
  assert.equal(reply.body.toString('hex'), hex(DENIED_130[options.command ?? 'FolderSync']).toString('hex'))
  const { event, decision, reasons, device } = await auditOf(lab.sentry, reply)
  assert.deepEqual(
    { event, decision, reason: reasons[0], device },
    {
      event: 'alarm',
      decision: 'refuse',
      reason,
      device: 'ann-phone',
    },
  )
}

describe('T25 and T26 the device id of another', () => {
  for (const command of ['FolderSync', 'Sync', 'Ping', 'SendMail'] as const) {
    test(`T25 Ann's certificate with Bob's DeviceId, ${command}: 130, alarm, UP=0`, () =>
      denied({ command, deviceId: 'BOBPHONE0003' }, 'DEVICE_ID_MISMATCH'))
  }
  test('T25 in lower case: 130, alarm, UP=0', () => denied({ deviceId: 'bobphone0003' }, 'DEVICE_ID_MISMATCH'))
  test("T25 Ann's other device: 130, alarm, UP=0", () => denied({ deviceId: 'ANNTABLET0002' }, 'DEVICE_ID_MISMATCH'))
  test('T25 in base64: 130, alarm, UP=0', () => {
    const bytes = hex('a1 09 0904 0c 424f4250484f4e4530303033 00 02 5350')
    return denied({ query: bytes.toString('base64'), version: null }, 'DEVICE_ID_MISMATCH')
  })
  test('T26 a new DeviceId on a certificate that is bound: 130, alarm, UP=0', () =>
    denied({ deviceId: 'BRANDNEW0001' }, 'DEVICE_ID_MISMATCH'))
  test('T26 the bound DeviceId with a character more: 130, alarm, UP=0', () =>
    denied({ deviceId: 'ANNPHONE00011' }, 'DEVICE_ID_MISMATCH'))
})

describe('T27 everything is as it should be', () => {
  const bodies: [title: string, body: Buffer][] = [
    ['a FolderSync answer', hex('03 01 6A 00 00 07 56 4C 03 31 00 01 52 03 31 00 01 4E 57 03 30 00 01 01 01')],
    ['100,000 bytes of any kind', randomBytes(100_000)],
  ]
  for (const [title, body] of bodies) {
    test(`T27 FolderSync 16.1: 200, ${title} byte-identical to the server's`, async () => {
      lab.exchange.script({
        action: {
          kind: 'respond',
          status: 200,
          headers: [['Content-Type', 'application/vnd.ms-sync.wbxml']],
          body,
        },
      })
      const reply = await ask({})
      assert.equal(reply.status, 200)
      assert.equal(reply.headers['content-type'], 'application/vnd.ms-sync.wbxml')
      assert.ok(reply.body.equals(body))
      const { event, decision, reasons, device, upstreamStatus } = await auditOf(lab.sentry, reply)
      assert.deepEqual(
        { event, decision, reasons, device, upstreamStatus },
        {
          event: 'activesync',
          decision: 'allow',
          reasons: ['ALLOWED'],
          device: 'ann-phone',
          upstreamStatus: 200,
        },
      )
    })
  }

  test("T27 the request's body is byte-identical at the server", async () => {
    const body = hex('03 01 6A 00 00 07 56 52 03 30 00 01 01')
    await ask({ body })
    assert.ok(lab.exchange.received.at(-1)?.body.equals(body))
  })
})

describe("T28 and T29 another person's name", () => {
  test("T28 Ann's certificate, Bob's token: 130, alarm, UP=0", () =>
    denied({ token: lab.token('bob@example.com') }, 'TOKEN_USER_MISMATCH'))
  test("T28 Ann's certificate, Bob's token and User=bob: 130, alarm, UP=0", () =>
    denied({ token: lab.token('bob@example.com'), user: 'bob@example.com' }, 'TOKEN_USER_MISMATCH'))
  test('T28 the same local part in another domain: 130, alarm, UP=0', () =>
    denied({ token: lab.token('ann@example.net') }, 'TOKEN_USER_MISMATCH'))
  test('T28 a name with Ann as a part of it: 130, alarm, UP=0', () =>
    denied({ token: lab.token('ann@example.com.evil.test') }, 'TOKEN_USER_MISMATCH'))

  const users = [
    'bob@example.com',
    'X\\bob',
    'bob',
    'ann@evil.test',
    'ann@example.com.evil.test',
    'ann@example.com\\bob',
    'X\\ann\\bob',
    'ann@example.com,bob@example.com',
    'ann@example.com ',
  ]
  for (const user of users) {
    test(`T29 User=${JSON.stringify(user)}: 130, UP=0`, () => denied({ user }, 'QUERY_USER_MISMATCH'))
  }
  for (const user of ['ann@example.com', 'ANN@Example.com', 'X\\ann', 'ann']) {
    test(`T29 User=${user} is Ann: passes`, async () => {
      assert.equal((await auditOf(lab.sentry, await ask({ user }))).decision, 'allow')
    })
  }
})

describe('T30 no certificate on the path of ActiveSync', () => {
  for (const [title, options] of [
    ['POST with a token', {}],
    ['POST without a token', { token: null }],
    ['POST with a password', { headers: { Authorization: 'Basic YW5uOnB3' } }],
    ['OPTIONS', { method: 'OPTIONS', query: '' }],
    ['a query that is none', { query: 'nonsense' }],
  ] as const) {
    test(`T30 ${title}: 403 without a challenge, UP=0`, async () => {
      const reply = await assertNothingUpstream(lab, () => ask({ ...options, identity: null }))
      assert.equal(reply.status, 403)
      assert.equal(reply.headers['www-authenticate'], undefined)
      assert.deepEqual((await auditOf(lab.sentry, reply)).reasons, ['CERTIFICATE_MISSING'])
    })
  }
})

describe('T32 tokens for something else', () => {
  const ann = 'ann@example.com'
  const mint = (change: object): string => lab.entra.mint({ upn: ann, ...change })

  const elsewhere: [title: string, token: () => string, reason: string][] = [
    ['of another tenant', () => mint({ tid: '00000000-1111-2222-3333-444444444444' }), 'TOKEN_TENANT'],
    ['of no tenant', () => mint({ extra: { tid: undefined } }), 'TOKEN_TENANT'],
    ['of an app that is not allowed', () => mint({ appid: 'd3590ed6-52b3-4102-aeff-aad2292ab01c' }), 'TOKEN_CLIENT'],
  ]
  for (const [title, token, reason] of elsewhere) {
    test(`T32 ${title}: 130, UP=0`, () => denied({ token: token() }, reason))
  }

  const useless: [title: string, token: () => string, reason: string][] = [
    ['for Graph', () => mint({ aud: 'https://graph.microsoft.com' }), 'TOKEN_AUDIENCE'],
    ['for Graph by its id', () => mint({ aud: '00000003-0000-0000-c000-000000000000' }), 'TOKEN_AUDIENCE'],
    ['for Sentry itself', () => mint({ aud: 'https://sentry.example.com' }), 'TOKEN_AUDIENCE'],
    [
      'for two, one of them Graph',
      () => mint({ extra: { aud: [lab.destinationResource, 'https://graph.microsoft.com'] } }),
      'TOKEN_AUDIENCE',
    ],
    ['for nobody', () => mint({ extra: { aud: undefined } }), 'TOKEN_AUDIENCE'],
    ['garbage', () => 'garbage', 'TOKEN_UNREADABLE'],
    ['garbage in three parts', () => 'a.b.c', 'TOKEN_UNREADABLE'],
    ['a token without its signature', () => mint({}).split('.').slice(0, 2).join('.'), 'TOKEN_UNREADABLE'],
    ['of no user', () => mint({ extra: { upn: undefined, unique_name: undefined } }), 'TOKEN_UNREADABLE'],
  ]
  for (const [title, token, reason] of useless) {
    test(`T32 ${title}: 401 with a challenge, UP=0`, async () => {
      const reply = await assertNothingUpstream(lab, () => ask({ token: token() }))
      assert.equal(reply.status, 401)
      assert.match(reply.headers['www-authenticate'] ?? '', /^Bearer /)
      const { decision, reasons } = await auditOf(lab.sentry, reply)
      assert.deepEqual([decision, reasons[0]], ['refuse', reason])
    })
  }

  test('T32 garbage where oauth.opaqueTokens allows it: the server judges', async () => {
    const name = 'opaque.example.com'
    await lab.addSentry(name, {
      config: {
        oauth: { ...(lab.config['oauth'] as object), sentryResource: `https://${name}`, opaqueTokens: 'allow' },
      },
    })
    const before = lab.exchange.receivedCount
    const reply = await ask({ token: 'garbage', sentry: name })
    assert.equal(lab.exchange.receivedCount, before + 1)
    assert.equal(lab.exchange.received.at(-1)?.headers['authorization'], 'Bearer garbage')
    assert.equal(reply.status, 401)
    assert.match(reply.headers['www-authenticate'] ?? '', /authorization_uri="https:\/\/opaque\.example\.com\//)
  })
})

describe('T33 a password', () => {
  const CHALLENGE =
    'Bearer client_id="00000002-0000-0ff1-ce00-000000000000", ' +
    'trusted_issuers="00000001-0000-0000-c000-000000000000@*", ' +
    'token_types="app_asserted_user_v1 service_asserted_app_v1", ' +
    'authorization_uri="https://sentry.example.com/proxyservice/oauth2/authorize", ' +
    'error="invalid_token"'
  const PASSWORD = 'Canary-pw-7c41d9'
  const credentials = Buffer.from(`ann@example.com:${PASSWORD}`).toString('base64')
  const values = [`Basic ${credentials}`, `basic ${credentials}`, `BASIC   ${credentials}`, `Basic ${PASSWORD}`]

  for (const value of values) {
    for (const method of ['POST', 'OPTIONS']) {
      test(`T33 ${method} with ${value.slice(0, 8)}…: 401 with the Bearer challenge alone, UP=0`, async () => {
        const reply = await assertNothingUpstream(lab, () => ask({ method, headers: { Authorization: value } }))
        assert.equal(reply.status, 401)
        assert.equal(reply.headers['www-authenticate'], CHALLENGE)
        const { decision, reasons } = await auditOf(lab.sentry, reply)
        assert.deepEqual([decision, reasons], ['refuse', ['TOKEN_BASIC']])
      })
    }
  }

  for (const scheme of ['NTLM', 'Negotiate', 'Digest', 'Basic,Bearer']) {
    test(`T33 ${scheme}: 401 with the Bearer challenge alone, UP=0`, async () => {
      const headers = { Authorization: `${scheme} ${credentials}` }
      const reply = await assertNothingUpstream(lab, () => ask({ headers }))
      assert.equal(reply.status, 401)
      assert.equal(reply.headers['www-authenticate'], CHALLENGE)
    })
  }

  test('T33 the credentials stand in no log and no metric', async () => {
    const reply = await ask({ headers: { Authorization: `Basic ${credentials}` } })
    await auditOf(lab.sentry, reply)
    const audit = await readFile(lab.sentry.auditFile, 'utf8')
    assert.ok(audit.includes('TOKEN_BASIC'))
    const written = [audit, lab.sentry.stdout(), lab.sentry.stderr(), await lab.sentry.metrics()].join('\n')
    assert.equal(written.includes(PASSWORD), false)
    assert.equal(written.includes(credentials), false)
  })
})
