/**
 * Protocol document 9.6, T69: what a request can write into the logs, and what must never stand there (A29).
 * @module
 */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, describe, test } from 'node:test'
import { type ConfigFile, type Lab, startLab } from '@postern/harness/lab'
import type { RawClient } from '@postern/harness/raw-client'
import { hex } from './support/golden.ts'
import { afterEvent, auditOf } from './support/observe.ts'
import { type RecordingServer, startRecordingServer } from './support/recording-server.ts'

const CLIENT = 'f8d98a96-0999-43f5-8af3-69971c7bb423'
const REDIRECT = 'com.apple.Preferences://oauth-redirect/'
const TOKEN_PATH = '/proxyservice/oauth2/token'

let lab: Lab
let idp: RecordingServer

before(async () => {
  lab = await startLab({ exchange: { requirePolicy: false }, config: { autodiscover: true } })
  idp = await startRecordingServer(await lab.serverCa.issueServer({ names: ['login.windows.net'] }))
  const login = `https://login.windows.net:${idp.port}/common/oauth2`
  const endpoints = { authorizationEndpoint: `${login}/authorize`, tokenEndpoint: `${login}/token` }
  const oauth = { ...(lab.config['oauth'] as ConfigFile), ...endpoints }
  await afterEvent(lab.sentry, 'settings-applied', () => lab.sentry.writeConfig({ ...lab.config, oauth }))
})

after(async () => {
  await lab[Symbol.asyncDispose]()
  await idp[Symbol.asyncDispose]()
})

/** Everything that Sentry writes, anywhere. */
async function written(): Promise<string> {
  const audit = await readFile(lab.sentry.auditFile, 'utf8')
  return [lab.sentry.stdout(), lab.sentry.stderr(), audit, await lab.sentry.metrics()].join('\n')
}

describe('T69 line ends and control characters in a request', () => {
  const forgeries: [title: string, query: string][] = [
    ['User=ann%0d%0aFAKE', 'Cmd=FolderSync&User=ann%0d%0aFAKE&DeviceId=ANNPHONE0001&DeviceType=iPhone'],
    ['User=ann%0aFAKE', 'Cmd=FolderSync&User=ann%0aFAKE&DeviceId=ANNPHONE0001&DeviceType=iPhone'],
    ['DeviceId=A%0aFAKE', 'Cmd=FolderSync&User=ann%40example.com&DeviceId=A%0aFAKE&DeviceType=iPhone'],
    ['DeviceType=A%0d%0aFAKE', 'Cmd=FolderSync&User=ann%40example.com&DeviceId=ANNPHONE0001&DeviceType=A%0d%0aFAKE'],
    ['Cmd=FolderSync%0aFAKE', 'Cmd=FolderSync%0aFAKE&User=ann%40example.com&DeviceId=ANNPHONE0001&DeviceType=iPhone'],
    ['User=%1b[2JFAKE', 'Cmd=FolderSync&User=%1b[2JFAKE&DeviceId=ANNPHONE0001&DeviceType=iPhone'],
  ]
  for (const [title, query] of forgeries) {
    test(`T69 ${title}: refused, one line, nothing forged, UP=0`, async () => {
      const received = lab.exchange.receivedCount
      const before = (await lab.sentry.auditLines()).length
      const reply = await lab.eas(lab.devices['ann-phone'], { query })
      assert.ok(reply.status === 400 || reply.status === 501, String(reply.status))
      if (title.startsWith('User')) assert.equal(reply.status, 400)
      await auditOf(lab.sentry, reply)
      const lines = (await readFile(lab.sentry.auditFile, 'utf8')).split('\n').filter((line) => line !== '')
      assert.equal(lines.length, before + 1)
      for (const line of lines) assert.equal(line.startsWith('{') && line.endsWith('}'), true)
      assert.equal(/\n\s*FAKE/.test(await written()), false)
      assert.equal(lab.exchange.receivedCount, received)
    })
  }

  test('T69 a user in a token with a line end makes one escaped line', async () => {
    const claims = lab.token('ann@example.com').split('.')
    const upn = 'ann\r\nFAKE@example.com'
    const payload = { ...(JSON.parse(Buffer.from(claims[1] ?? '', 'base64url').toString()) as object), upn }
    const token = [claims[0], Buffer.from(JSON.stringify(payload)).toString('base64url'), claims[2]].join('.')
    const reply = await lab.eas(lab.devices['ann-phone'], { token })
    const line = await auditOf(lab.sentry, reply)
    assert.equal(line.decision, 'refuse')
    assert.equal(/\n\s*FAKE/.test(await written()), false)
  })
})

describe('T69 secrets', () => {
  test('T69 tokens, codes, passwords, cookies and bodies of every endpoint, failures included: in no log and no metric', async () => {
    const canaries = new Canaries()
    await throughActiveSync(canaries)
    await throughOAuth(canaries)
    await throughBrokenHttp(canaries)
    const known = await lab.eas(lab.devices['ann-phone'])
    await auditOf(lab.sentry, known)
    const text = await written()
    // The search sees what is there:
    assert.ok(text.includes('ann@example.com'))
    assert.ok(text.includes(known.headers['x-request-id'] ?? 'no id'))
    assert.ok((await lab.sentry.auditLines()).length > 40)
    assert.ok(canaries.all.length > 60)
    const found = canaries.all.filter((canary) => text.includes(canary))
    assert.deepEqual(found, [])
  })
})

/** Secrets that are found again wherever they went: in the clear, and as Basic or percent encoding would show them. */
class Canaries {
  readonly all: string[] = []

  /** A new one; only letters and digits, so that no encoding changes it. */
  make(kind: string): string {
    const canary = `canary${kind}${crypto.randomUUID().replaceAll('-', '')}`
    this.all.push(canary, Buffer.from(canary).toString('base64').slice(0, 40))
    return canary
  }
}

async function throughActiveSync(c: Canaries): Promise<void> {
  const device = lab.devices['ann-phone']
  const good = lab.token(device.user)
  const signed = (): string => `${good.split('.').slice(0, 2).join('.')}.${c.make('signature')}`
  c.all.push(good, good.split('.')[1] ?? good)
  const basic = Buffer.from(`ann@example.com:${c.make('password')}`).toString('base64')
  c.all.push(basic)
  const body = (): Buffer =>
    Buffer.concat([hex('03 01 6A 00 00 07 56 52 03'), Buffer.from(c.make('body')), hex('00 01 01')])
  const Cookie = `X-BackEndCookie=${c.make('cookie')}`
  const setCookie = [['Set-Cookie', `s=${c.make('setcookie')}; path=/`]] as const
  const faults = [
    { kind: 'decorate', headers: [...setCookie, ['x-ms-diagnostics', `2000001;reason="${c.make('diagnostics')}"`]] },
    { kind: 'respond', status: 401, headers: [['WWW-Authenticate', `Bearer claims="${c.make('claims')}"`]] },
    { kind: 'respond', status: 500, body: c.make('errorpage') },
    { kind: 'respond', status: 451, headers: [['X-MS-Location', `https://evil.test/?${c.make('location')}`]] },
    { kind: 'reset' },
    { kind: 'raw', bytes: `HTTP/1.1 200 OK\r\n${c.make('badheader')}\r\n\r\n` },
    { kind: 'cut', length: 900, body: c.make('cutbody') },
  ] as const
  for (const action of faults) {
    lab.exchange.script({ match: 'FolderSync', action })
    await lab.eas(device, { token: signed(), headers: { Cookie }, body: body() }).catch(() => null)
  }
  const ways: Parameters<Lab['eas']>[1][] = [
    { token: signed(), headers: { Cookie }, body: body() },
    { token: c.make('opaque') },
    { token: `${c.make('illegal')}\\"` },
    { headers: { Authorization: `Basic ${basic}` } },
    { headers: { Authorization: `Digest ${c.make('digest')}` } },
    { headers: { Authorization: [`Bearer ${signed()}`, `Bearer ${signed()}`] } },
    { token: signed(), identity: null },
    { token: signed(), deviceId: 'BOBPHONE0003', body: body() },
    { token: signed(), parameters: `access_token=${c.make('query')}` },
    { token: signed(), query: `Cmd=Sync&cmd=Sync&password=${c.make('query')}` },
    { token: signed(), query: c.make('base64query') },
    { token: signed(), command: c.make('command') },
    { token: signed(), headers: { 'Proxy-Authorization': `Basic ${c.make('proxy')}` } },
    { token: signed(), headers: { 'X-MS-PolicyKey': c.make('policykey') } },
    { token: signed(), headers: { 'Content-Encoding': 'gzip' }, body: body() },
    { token: signed(), headers: { 'User-Agent': c.make('agent') } },
    { token: signed(), headers: { 'Access-Control-Request-Method': 'POST' }, method: 'OPTIONS' },
    { token: signed(), version: c.make('version') },
    { token: lab.token('bob@example.com'), body: body() },
  ]
  for (const way of ways) await lab.eas(device, way)
  await lab.policy.posture('ann-phone', 'wipe')
  await lab.policy.applied()
  for (const command of ['FolderSync', 'Provision']) await lab.eas(device, { token: signed(), command, body: body() })
  await lab.policy.posture('ann-phone', 'allow')
  await lab.policy.applied()
}

async function throughOAuth(c: Canaries): Promise<void> {
  const refresh = (more: Record<string, string> = {}): Record<string, string> => ({
    grant_type: 'refresh_token',
    client_id: CLIENT,
    refresh_token: c.make('refresh'),
    ...more,
  })
  const tokens = JSON.stringify({
    access_token: c.make('access'),
    refresh_token: c.make('newrefresh'),
    id_token: c.make('id'),
  })
  const answers = [
    { body: tokens, headers: { 'Set-Cookie': `esctx=${c.make('idpcookie')}` } },
    { status: 400, body: JSON.stringify({ error: 'invalid_grant', error_description: c.make('description') }) },
    { status: 500, body: `<html>${c.make('page')}` },
    { status: 200, body: `{"access_token":"${c.make('broken')}"` },
    { status: 302, headers: { Location: `https://evil.test/?code=${c.make('idplocation')}` } },
  ]
  for (const answer of answers) {
    idp.answer = answer
    await lab.oauth(TOKEN_PATH, { form: refresh(), headers: { Cookie: `a=${c.make('cookie')}` } })
  }
  idp.answer = {}
  const forms: Record<string, string>[] = [
    {
      grant_type: 'authorization_code',
      client_id: CLIENT,
      redirect_uri: REDIRECT,
      code: c.make('code'),
      code_verifier: c.make('verifier'),
    },
    { grant_type: 'password', client_id: CLIENT, username: 'ann@example.com', password: c.make('password') },
    { grant_type: c.make('grant'), client_id: CLIENT },
    refresh({ client_secret: c.make('secret') }),
    refresh({ client_assertion: c.make('assertion') }),
    refresh({ resource: `https://graph.microsoft.com/${c.make('resource')}` }),
    refresh({ scope: c.make('scope') }),
    { grant_type: 'refresh_token', client_id: c.make('client'), refresh_token: c.make('refresh') },
  ]
  for (const form of forms) await lab.oauth(TOKEN_PATH, { form })
  await lab.oauth(TOKEN_PATH, { form: refresh(), query: { refresh_token: c.make('tokenquery') } })
  await lab.oauth(TOKEN_PATH, {
    method: 'POST',
    body: JSON.stringify(refresh()),
    headers: { 'Content-Type': 'application/json' },
  })
  const asked = { client_id: CLIENT, response_type: 'code', redirect_uri: REDIRECT, state: c.make('state') }
  const queries: Record<string, string>[] = [
    { ...asked, login_hint: c.make('hint'), claims: c.make('claims'), nonce: c.make('nonce') },
    { ...asked, redirect_uri: `https://evil.test/?${c.make('redirect')}` },
    { ...asked, client_id: c.make('client') },
  ]
  for (const query of queries) await lab.oauth('/proxyservice/oauth2/authorize', { query })
  await lab.oauth('/common/discovery/instance', {
    query: { authorization_endpoint: `https://${c.make('authority')}/` },
  })
  await lab.oauth(`/${c.make('path')}`, { query: { code: c.make('code') } })
  const xml = `<Autodiscover><Request><EMailAddress>${c.make('xml')}@x</EMailAddress></Request>`
  await lab.oauth('/autodiscover/autodiscover.xml', {
    method: 'POST',
    body: xml,
    headers: { Authorization: `Bearer ${c.make('xmltoken')}` },
  })
  await lab.oauth(`/autodiscover/autodiscover.json/v1.0/${c.make('mailbox')}@x`, {
    query: { Protocol: c.make('protocol') },
  })
}

/** Bytes that no parser takes. */
async function throughBrokenHttp(c: Canaries): Promise<void> {
  const requests = [
    `POST /${c.make('rawpath')} HTTP/1.1\r\nHost: ${lab.sentryName}\r\nAuthorization : Bearer ${c.make('rawtoken')}\r\n\r\n`,
    `${c.make('rawmethod')} / HTTP/1.1\r\n\r\n`,
    `POST / HTTP/1.1\r\nHost: ${lab.sentryName}\r\nAuthorization: Bearer ${c.make('folded')}\r\n ${c.make('fold')}\r\n\r\n`,
    `POST ${TOKEN_PATH} HTTP/1.1\r\nHost: ${lab.sentryName}\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n${c.make('chunk')}`,
    `POST ${TOKEN_PATH} HTTP/1.1\r\nHost: ${c.make('host')}.test\r\nContent-Length: 0\r\n\r\n`,
    `POST / HTTP/1.1\r\nHost: ${lab.sentryName}\r\nAuthorization: Bearer ${c.make('huge')}${'x'.repeat(70_000)}\r\n\r\n`,
  ]
  for (const request of requests) {
    await using client: RawClient = await lab.raw(lab.devices['ann-phone'])
    await client.send(request)
    assert.ok((await client.readResponse()).status >= 400)
  }
}
