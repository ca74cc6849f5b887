import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { DESTINATION_RESOURCE, PEOPLE } from '../lab-config.ts'
import { layGrounds } from '../lab-grounds.ts'
import type { Grounds } from '../lab-grounds.ts'
import { EmailPlusPhone } from './email-plus-phone.ts'
import { MailPhone } from './mail-phone.ts'

// The phones directly against the stand-ins, without a Sentry between: what is tested is the phones.
describe('phones against the stand-ins', () => {
  const owned = new AsyncDisposableStack()
  let grounds: Grounds
  before(async () => {
    grounds = await layGrounds({ exchange: { versions: ['16.1'] } }, owned)
  })
  after(() => owned.disposeAsync())

  const mailPhone = (password: string): MailPhone =>
    new MailPhone({
      net: grounds.net,
      host: 'outlook.office365.com',
      oauthSignInUrl: 'https://login.windows.net/common/oauth2/authorize',
      oauthTokenRequestUrl: 'https://login.windows.net/common/oauth2/token',
      user: PEOPLE[0].upn,
      password,
      deviceId: 'APPL1',
      identity: null,
    })
  const emailPlus = (resource: string): EmailPlusPhone =>
    new EmailPlusPhone({
      net: grounds.net,
      pairs: {
        eas_min_allowed_auth_mode: 'modern_auth',
        modern_auth_authority_url: 'https://login.windows.net/common',
        modern_auth_resource_url: resource,
        email_login_certificate: 'bob.pfx',
        email_exchange_host: 'outlook.office365.com',
      },
      user: PEOPLE[1].upn,
      password: PEOPLE[1].password,
      deviceId: 'EPLUS1',
      identity: null,
    })

  test('a wrong password leaves the person on the page', async () => {
    await using phone = mailPhone('wrong')
    const { web, token } = await phone.signIn()
    assert.equal(token, null)
    assert.equal(web.callback, null)
    assert.notEqual(web.page, '')
  })

  test('a refresh without a refresh token is refused', async () => {
    await using phone = mailPhone(PEOPLE[0].password)
    assert.equal((await phone.refresh()).ok, false)
  })

  test('iOS Mail signs in, sets up, and a Ping wakes it', async () => {
    await using phone = mailPhone(PEOPLE[0].password)
    assert.equal((await phone.probe()).challenge?.error, 'invalid_token')
    const { web, token } = await phone.signIn()
    assert.ok(token?.ok, `${web.page} ${JSON.stringify(token)}`)
    assert.ok(token.refreshToken)
    grounds.exchange.deliver(PEOPLE[0].upn, { subject: 'One' })
    assert.equal((await phone.eas.setUp()).status, '1')
    assert.deepEqual(
      phone.eas.messages.map(({ subject }) => subject),
      ['One'],
    )
    const ping = phone.eas.ping({ heartbeatSeconds: 300 })
    setTimeout(() => grounds.exchange.deliver(PEOPLE[0].upn, { subject: 'Two' }), 50)
    const woken = await ping
    assert.equal(woken.status, '2')
    await phone.eas.react(woken)
    assert.equal(phone.eas.messages.at(-1)?.subject, 'Two')
    assert.equal((await phone.refresh()).ok, true)
    assert.equal(
      (await phone.eas.sendMail({ to: PEOPLE[1].upn, from: PEOPLE[0].upn, subject: 'S', text: 'T' })).http,
      200,
    )
  })

  test('Email+ signs in with its authority, files the token and sets up', async () => {
    await using phone = emailPlus(DESTINATION_RESOURCE)
    const { web, token } = await phone.signIn()
    assert.ok(token?.ok, `${web.page} ${JSON.stringify(token)}`)
    assert.equal((await phone.eas.setUp()).status, '1')
    assert.equal((await phone.refresh()).ok, true)
  })

  test('Email+ gives up loudly when the token is filed under another resource', async () => {
    await using phone = emailPlus(DESTINATION_RESOURCE)
    const body = {
      token_type: 'Bearer',
      access_token: 'a',
      refresh_token: 'r',
      resource: 'https://elsewhere.example.com',
    }
    grounds.entra.fail({ status: 200, body })
    await assert.rejects(phone.signIn(), { name: 'EmailPlusError', code: 'TOKEN_NOT_FOUND' })
  })
})
