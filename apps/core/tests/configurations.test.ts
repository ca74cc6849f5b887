/**
 * Exchange and Email+ configurations through the API: the values of the procedure, their versions, labels and previews.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import type { RenderedConfiguration } from '@postern/contract/api/configurations'
import type { Permission } from '@postern/contract/api/permissions'
import { type CoreClient, CoreRefusal } from '@postern/harness/core-client'
import { previewForLabel } from '../src/services/configurations/preview.ts'
import { auditOf } from './support/audit-rows.ts'
import { startTestCore, type TestCore } from './support/test-core.ts'

const golden = (name: string): string =>
  readFileSync(new URL(`../../../packages/mail-settings/src/golden/${name}`, import.meta.url), 'utf8')
const GOLDEN_CONFIGURATION = 'cfg-1'
const GOLDEN_DEVICE = 'dev-1'

const OAUTH = {
  authorizationEndpoint: 'https://login.windows.net/common/oauth2/authorize',
  tokenEndpoint: 'https://login.windows.net/common/oauth2/token',
  destinationResource: 'https://outlook.office365.com/',
}
const SIGN_IN = 'https://sentry.example.test/proxyservice/oauth2/authorize'
const TOKEN_REQUEST = 'https://sentry.example.test/proxyservice/oauth2/token'
const CERTIFICATE = 'tu1_<CertificateName>_Mi4man22.pfx'
/** The five pairs of the procedure. */
const PAIRS = [
  { key: 'eas_min_allowed_auth_mode', type: 'string', value: 'modern_auth' },
  { key: 'modern_auth_authority_url', type: 'string', value: 'https://sentry.example.test/proxyservice' },
  { key: 'modern_auth_resource_url', type: 'string', value: 'https://sentry.example.test' },
  { key: 'email_login_certificate', type: 'certificateRef', value: CERTIFICATE },
  { key: 'email_exchange_host', type: 'string', value: 'sentry.example.test' },
] as const

let core: TestCore
let ada: CoreClient
let profileId: string
let userId: string
let phoneId: string
let labelId: string

before(async () => {
  core = await startTestCore()
  ada = await core.signIn()
  const settings = { name: 'Sentry', sentryHost: 'sentry.example.test', serverAuthentication: OAUTH }
  profileId = (await ada.call('createSentryProfile', { body: { settings } })).body.id
  const user = { userName: 'tu1@example.test', email: 'tu1@example.test', firstName: 'Test', lastName: 'User' }
  userId = (await ada.call('createUser', { body: user })).body.id
  phoneId = await addDevice('phone', { osVersion: '17.4.1', udid: '00008030-001A' })
  labelId = (await ada.call('createLabel', { body: { name: 'Mail', filter: null } })).body.id
  await ada.call('addLabelMembers', { params: { id: labelId }, body: { deviceIds: [phoneId] } })
})
after(() => core[Symbol.asyncDispose]())

async function addDevice(name: string, more: object): Promise<string> {
  const device = { userName: 'tu1@example.test', name, platform: 'iOS', ownership: 'company', ...more } as const
  return (await ada.call('createDevice', { body: device })).body.id
}
let names = 0
const fresh = (name: string): string => `${name} ${(names += 1)}`
const exchangeSeed = (more: object = {}) => ({
  ...{ name: fresh('Company mail'), sentryProfileId: profileId, userName: '$USER_UPN$', useOAuth: true },
  ...{ oauthSignInUrl: SIGN_IN, oauthTokenRequestUrl: TOKEN_REQUEST, ...more },
})
const emailPlusSeed = (more: object = {}) => ({
  ...{
    name: fresh('Email+'),
    sentryProfileId: profileId,
    channel: 'clientCheckIn' as const,
    pairs: [...PAIRS],
    ...more,
  },
})
const addExchange = async (more: object = {}) =>
  (await ada.call('createExchangeConfiguration', { body: exchangeSeed(more) })).body
const addEmailPlus = async (more: object = {}) =>
  (await ada.call('createEmailPlusConfiguration', { body: emailPlusSeed(more) })).body
const refusal = async (work: Promise<unknown>): Promise<CoreRefusal> => {
  const error: unknown = await work.then(
    () => assert.fail('it was taken'),
    (reason: unknown) => reason,
  )
  return error instanceof CoreRefusal ? error : assert.fail(String(error))
}
const preview = async (id: string, device: string | null = phoneId): Promise<RenderedConfiguration> => {
  const query = { user: userId, ...(device === null ? {} : { device }) }
  return (await ada.call('previewConfiguration', { params: { id }, query })).body.rendered
}

describe('a configuration is not saved', () => {
  const rows: { title: string; save: () => Promise<unknown>; code: string; paths: string[] }[] = [
    {
      title: 'with a Sentry that is not there',
      save: () => addExchange({ sentryProfileId: '00000000-0000-4000-8000-000000000000' }),
      code: 'INVALID',
      paths: ['sentryProfileId'],
    },
    {
      title: 'with a Sentry id that is none',
      save: () => addExchange({ sentryProfileId: "x'; drop table users" }),
      code: 'INVALID',
      paths: ['sentryProfileId'],
    },
    {
      title: 'with URLs of another host',
      save: () => addExchange({ oauthSignInUrl: 'https://evil.example.test/proxyservice/oauth2/authorize' }),
      code: 'INVALID',
      paths: ['oauthSignInUrl'],
    },
    {
      title: 'with a password',
      save: () => addExchange({ password: 'secret' }),
      code: 'INVALID',
      paths: [''],
    },
    {
      title: 'with an unknown variable',
      save: () => addExchange({ userName: '$NOBODY$' }),
      code: 'INVALID',
      paths: ['userName'],
    },
    {
      title: 'with modern_auth and no URLs',
      save: () => addEmailPlus({ pairs: [PAIRS[0], PAIRS[4]] }),
      code: 'INVALID',
      paths: ['pairs', 'pairs'],
    },
    {
      title: 'with a certificate that would lie readable on the device',
      save: () => addEmailPlus({ channel: 'managedAppConfiguration' }),
      code: 'INVALID',
      paths: ['pairs[3].value'],
    },
  ]
  for (const { title, save, code, paths } of rows) {
    test(title, async () => {
      const error = await refusal(save())
      assert.equal(error.code, code)
      assert.deepEqual(
        error.problems.map(({ path }) => path),
        paths,
      )
    })
  }
  test('under a name that its kind has, whatever the case; another kind may have it', async () => {
    const { name } = await addExchange()
    const error = await refusal(addExchange({ name: name.toUpperCase() }))
    assert.equal(error.code, 'CONFLICT')
    assert.deepEqual(error.problems.at(0)?.path, 'name')
    assert.equal((await addEmailPlus({ name })).name, name)
  })
  test('over a version that was not read', async () => {
    const { id } = await addExchange()
    const body = exchangeSeed()
    await ada.call('updateExchangeConfiguration', { params: { id }, body, ifMatch: 1 })
    const error = await refusal(ada.call('updateExchangeConfiguration', { params: { id }, body, ifMatch: 1 }))
    assert.equal(error.code, 'CHANGED')
  })
  test('over one of another kind', async () => {
    const { id } = await addExchange()
    const body = emailPlusSeed()
    const error = await refusal(ada.call('updateEmailPlusConfiguration', { params: { id }, body, ifMatch: 1 }))
    assert.equal(error.code, 'NOT_FOUND')
  })
  test('twice with one idempotency key', async () => {
    const body = exchangeSeed()
    const once = await ada.call('createExchangeConfiguration', { body, idempotencyKey: 'k1' })
    const again = await ada.call('createExchangeConfiguration', { body, idempotencyKey: 'k1' })
    assert.deepEqual(again.body, once.body)
  })
})

describe('the Exchange configuration of the procedure', () => {
  test('is saved with every default, and says what devices are sent', async () => {
    const saved = await addExchange()
    assert.equal(saved.kind, 'exchange')
    assert.deepEqual(saved.addresses, {
      serverAddress: 'sentry.example.test',
      oauth: { signInUrl: SIGN_IN, tokenRequestUrl: TOKEN_REQUEST },
    })
    assert.equal(saved.settings.pastDaysOfMailToSync, 7)
    assert.deepEqual([saved.problems, saved.warnings, saved.version], [[], [], 1])
    assert.deepEqual((await ada.call('readConfiguration', { params: { id: saved.id } })).body, saved)
  })
  test('previews the profile byte by byte, URLs written or left to the Sentry', async () => {
    const uuids = /[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f-]{21}/g
    for (const urls of [{}, { oauthSignInUrl: null, oauthTokenRequestUrl: null }]) {
      const { id, name } = await addExchange(urls)
      const rendered = await preview(id)
      assert.equal(rendered.kind, 'profile')
      const expected = golden('exchange-seed.plist').match(uuids) ?? []
      const plist = rendered.plist
        .replaceAll(id, GOLDEN_CONFIGURATION)
        .replaceAll(phoneId, GOLDEN_DEVICE)
        .replaceAll(name, 'Company mail')
        .replaceAll(uuids, () => expected.shift() ?? '')
      assert.equal(plist, golden('exchange-seed.plist'))
      assert.deepEqual(rendered.warnings, [])
    }
  })
  test('an edited URL is saved, and warned about', async () => {
    const saved = await addExchange({ oauthSignInUrl: `${SIGN_IN}/` })
    assert.deepEqual(
      saved.warnings.map(({ path }) => path),
      ['oauthSignInUrl'],
    )
  })
})

describe('the Email+ configuration of the procedure', () => {
  test('previews dictionary and restrictions', async () => {
    const { id } = await addEmailPlus()
    const rendered = await preview(id)
    assert.equal(rendered.kind, 'settings')
    const { managedAppConfiguration, android, certificates } = rendered
    assert.deepEqual({ managedAppConfiguration, android }, JSON.parse(golden('email-plus-seed.json')))
    assert.deepEqual(certificates, [CERTIFICATE])
  })
  test('insecure delivery has an audit row of its own', async () => {
    const pairs = PAIRS.filter(({ type }) => type === 'string')
    const { name } = await addEmailPlus({ channel: 'managedAppConfiguration', pairs })
    const asked = { channel: 'managedAppConfiguration', allowInsecureDelivery: true }
    const allowed = await addEmailPlus(asked)
    const rows = await auditOf(core, 'configuration.allow-insecure-delivery')
    assert.deepEqual(
      rows.map((row) => row.object_name),
      [allowed.name],
    )
    assert.notEqual(allowed.name, name)
  })
  test('the template is the eight pairs of the chosen Sentry', async () => {
    const query = { sentryProfileId: profileId, certificate: CERTIFICATE }
    const { body } = await ada.call('readEmailPlusTemplate', { query })
    assert.deepEqual(body.pairs.slice(0, 5), PAIRS)
    assert.equal(body.pairs.length, 8)
  })
})

describe('a preview says why nothing is sent', () => {
  test('to a system that is too old', async () => {
    const device = await addDevice('old phone', { osVersion: '12.5.7' })
    const rendered = await preview((await addExchange()).id, device)
    assert.equal(rendered.kind === 'not-sendable' ? rendered.reason : rendered.kind, 'OS_TOO_OLD_FOR_OAUTH')
  })
  test('to another platform', async () => {
    const device = await addDevice('android', { platform: 'Android' })
    const rendered = await preview((await addExchange()).id, device)
    assert.equal(rendered.kind === 'not-sendable' ? rendered.reason : rendered.kind, 'PLATFORM_DOES_NOT_FIT')
    assert.equal((await preview((await addEmailPlus()).id, device)).kind, 'settings')
  })
  test('to a retired device', async () => {
    const device = await addDevice('retired', { osVersion: '17.0' })
    await ada.call('retireDevice', { params: { id: device }, body: { note: 'lost' } })
    const rendered = await preview((await addExchange()).id, device)
    assert.equal(rendered.kind === 'not-sendable' ? rendered.reason : rendered.kind, 'DEVICE_NOT_IN_USE')
  })
  test('without a device, what only a device knows', async () => {
    const { id } = await addEmailPlus({
      pairs: [...PAIRS, { key: 'email_device_id', type: 'string', value: '$DEVICE_UUID_NO_DASHES$' }],
    })
    assert.deepEqual(await preview(id, null), { kind: 'unresolved', variables: ['$DEVICE_UUID_NO_DASHES$'] })
    assert.equal((await preview((await addExchange()).id, null)).kind, 'profile')
  })
  test('with what the user has not', async () => {
    const { id } = await addExchange({ domain: '$USER_CUSTOM1$' })
    assert.deepEqual(await preview(id), { kind: 'unresolved', variables: ['$USER_CUSTOM1$'] })
  })
  test("a device must be the user's", async () => {
    const body = { userName: 'tu2@example.test' }
    const user = (await ada.call('createUser', { body })).body.id
    const { id } = await addExchange()
    const asked = ada.call('previewConfiguration', { params: { id }, query: { user, device: phoneId } })
    assert.equal((await refusal(asked)).code, 'INVALID')
  })
})

describe('versions', () => {
  test('are listed, shown, compared and restored; none ever changes', async () => {
    const body = exchangeSeed()
    const { id } = (await ada.call('createExchangeConfiguration', { body })).body
    const edited = { ...body, pastDaysOfMailToSync: 31 as const }
    await ada.call('updateExchangeConfiguration', { params: { id }, body: edited, ifMatch: 1 })
    const restored = await ada.call('restoreConfigurationVersion', { params: { id, version: 1 }, ifMatch: 2 })
    assert.deepEqual([restored.version, restored.body.version], [3, 3])
    const { items } = (await ada.call('listConfigurationVersions', { params: { id } })).body
    assert.deepEqual(
      items.map(({ version, restoredFrom }) => [version, restoredFrom]),
      [
        [3, 1],
        [2, null],
        [1, null],
      ],
    )
    const first = (await ada.call('readConfigurationVersion', { params: { id, version: 1 } })).body
    assert.deepEqual(first.settings, restored.body.settings)
    const compared = await ada.call('compareConfigurationVersions', { params: { id }, query: { from: 1, to: 2 } })
    assert.deepEqual(compared.body.differences, [{ path: 'pastDaysOfMailToSync', before: 7, after: 31 }])
    const { db } = core.core.services.store
    await assert.rejects(db.updateTable('configuration_versions').set({ by_name: 'x' }).execute(), /never changes/)
  })
  test('a restore is checked like a save', async () => {
    const { id } = await addExchange()
    const gone = { name: fresh('gone'), serverAddress: 'mail.example.test' }
    await ada.call('updateExchangeConfiguration', { params: { id }, body: gone, ifMatch: 1 })
    await ada.call('createExchangeConfiguration', { body: exchangeSeed({ name: await firstName(id) }) })
    const error = await refusal(ada.call('restoreConfigurationVersion', { params: { id, version: 1 }, ifMatch: 2 }))
    assert.equal(error.code, 'CONFLICT')
  })
  const firstName = async (id: string): Promise<string> =>
    (await ada.call('readConfigurationVersion', { params: { id, version: 1 } })).body.settings.name
})

describe('labels', () => {
  test('count the devices that a configuration touches; it and they are in use meanwhile', async () => {
    const { id } = await addExchange()
    const params = { id }
    const body = { labels: [labelId] }
    const applied = (await ada.call('applyConfiguration', { params, body })).body
    assert.deepEqual([applied.labels.map((label) => label.name), applied.affectedDevices], [['Mail'], 1])
    const listed = await ada.call('listConfigurations', { query: { label: labelId, kind: 'exchange' } })
    assert.deepEqual(
      listed.body.items.map((item) => item.id),
      [id],
    )
    const inUse = await refusal(ada.call('removeConfiguration', { params, ifMatch: 1 }))
    assert.equal(inUse.code, 'IN_USE')
    const { version } = await ada.call('readLabel', { params: { id: labelId } })
    const label = await refusal(ada.call('removeLabel', { params: { id: labelId }, ifMatch: version ?? 0 }))
    assert.equal(label.code, 'IN_USE')
    await ada.call('withdrawConfiguration', { params, body })
    assert.equal((await ada.call('removeConfiguration', { params, ifMatch: 1 })).status, 204)
    assert.equal((await refusal(ada.call('readConfiguration', { params }))).code, 'NOT_FOUND')
    const actions = (await auditOf(core)).map(({ action }) => action).filter((a) => a.startsWith('configuration.'))
    assert.deepEqual(actions.slice(-3), ['configuration.apply', 'configuration.withdraw', 'configuration.remove'])
  })
  test('that are not there are named', async () => {
    const { id } = await addExchange()
    const labels = [labelId, '00000000-0000-4000-8000-000000000000']
    const error = await refusal(ada.call('applyConfiguration', { params: { id }, body: { labels } }))
    assert.deepEqual([error.code, error.problems.map(({ path }) => path)], ['NOT_FOUND', ['labels[1]']])
    assert.deepEqual((await ada.call('readConfiguration', { params: { id } })).body.labels, [])
  })
  test('are previewed as a whole: who gets it, who does not and why', async () => {
    const { id } = await addExchange({ domain: '$USER_CUSTOM2$' })
    const full = { userName: 'tu3@example.test', email: 'tu3@example.test', custom2: 'CORP' }
    await ada.call('createUser', { body: full })
    const owner = { userName: 'tu3@example.test', platform: 'iOS', ownership: 'company' } as const
    const deviceIds: string[] = [phoneId]
    for (let i = 0; i < 23; i += 1) {
      const body = { ...owner, name: `many ${i}`, osVersion: i < 22 ? '17.0' : '12.0' }
      deviceIds.push((await ada.call('createDevice', { body })).body.id)
    }
    const label = (await ada.call('createLabel', { body: { name: 'Many', filter: null } })).body.id
    await ada.call('addLabelMembers', { params: { id: label }, body: { deviceIds } })
    const { body } = await ada.call('previewConfigurationForLabel', { params: { id }, query: { label } })
    const { sendable, notSendable, unresolved } = body
    assert.deepEqual([body.devices, body.truncated], [24, false])
    assert.deepEqual([sendable.count, sendable.first.length], [22, 20])
    assert.deepEqual([notSendable.count, unresolved.count], [1, 1])
    assert.match(notSendable.first[0]?.detail ?? '', /^OS_TOO_OLD_FOR_OAUTH: /)
    assert.deepEqual(unresolved.first[0]?.detail, '$USER_CUSTOM2$')
    const bounded = await previewForLabel(core.core.services.store.db, id, label, 10)
    assert.deepEqual([bounded.devices, bounded.truncated], [10, true])
  })
})

describe('a check of a draft', () => {
  const check = async (body: { kind: 'exchange' | 'emailPlus'; id?: string; settings: unknown }) =>
    (await ada.call('checkConfiguration', { body })).body
  test('tells every problem and saves nothing', async () => {
    const settings = { name: '', sentryProfileId: profileId, password: 'x', userName: '$PASSWORD$' }
    const { problems } = await check({ kind: 'exchange', settings })
    assert.deepEqual(new Set(problems.map(({ path }) => path)), new Set(['', 'name', 'password', 'userName']))
  })
  test('tells what the Sentry says against it, and a name that is taken', async () => {
    const { name } = await addExchange()
    const settings = exchangeSeed({ name, oauthSignInUrl: 'https://x.example.test/', serverAddress: null })
    const { problems } = await check({ kind: 'exchange', settings })
    assert.deepEqual(
      problems.map(({ path }) => path),
      ['oauthSignInUrl', 'name'],
    )
  })
  test('tells of a forced synchronisation and how many devices it concerns, as the save does', async () => {
    const saved = await addEmailPlus()
    const { id, name } = saved
    await ada.call('applyConfiguration', { params: { id }, body: { labels: [labelId] } })
    const pairs = PAIRS.map((pair) => (pair.type === 'certificateRef' ? { ...pair, value: 'other.pfx' } : pair))
    const body = emailPlusSeed({ name, pairs })
    const checked = await check({ kind: 'emailPlus', id, settings: body })
    assert.deepEqual(checked.resyncKeys, ['email_login_certificate'])
    assert.deepEqual([checked.problems, checked.affectedDevices], [[], 1])
    const [first] = checked.warnings
    assert.equal(first?.path, 'pairs[3].value')
    assert.match(first.message, /on 1 device$/)
    const after = await ada.call('updateEmailPlusConfiguration', { params: { id }, body, ifMatch: 1 })
    assert.deepEqual(after.body.warnings, checked.warnings)
  })
})

describe('a Sentry that gets another name', () => {
  test('is followed by what was left to it; the rest is told to be mended', async () => {
    const body = {
      settings: { name: 'Moving', sentryHost: 'old.example.test', serverAuthentication: OAUTH },
    }
    const moving = (await ada.call('createSentryProfile', { body })).body.id
    const urls = { oauthSignInUrl: null, oauthTokenRequestUrl: null }
    const follower = await addExchange({ ...urls, sentryProfileId: moving })
    const stuck = await addExchange({
      sentryProfileId: moving,
      oauthSignInUrl: 'https://old.example.test/proxyservice/oauth2/authorize',
      oauthTokenRequestUrl: null,
    })
    const settings = { ...body.settings, sentryHost: 'new.example.test' }
    const checked = await ada.call('checkSentryProfile', { body: { settings, profileId: moving } })
    const told = checked.body.warnings.filter(({ code }) => code === 'CONFIGURATION_FOLLOWS')
    assert.deepEqual(
      [follower.name, stuck.name].map((name) =>
        told.find(({ message }) => message.includes(name))?.message.includes('follows'),
      ),
      [true, false],
    )
    await ada.call('updateSentryProfile', { params: { id: moving }, body: { settings }, ifMatch: 1 })
    const now = await ada.call('readConfiguration', { params: { id: follower.id } })
    assert.equal(now.body.kind === 'exchange' ? now.body.addresses?.serverAddress : null, 'new.example.test')
    const mend = await ada.call('readConfiguration', { params: { id: stuck.id } })
    assert.deepEqual(
      mend.body.problems.map(({ path }) => path),
      ['oauthSignInUrl'],
    )
    const rendered = await preview(stuck.id)
    assert.equal(rendered.kind === 'not-sendable' ? rendered.reason : rendered.kind, 'SENTRY_DOES_NOT_FIT')
    const remove = ada.call('removeSentryProfile', { params: { id: moving }, ifMatch: 2 })
    assert.equal((await refusal(remove)).code, 'IN_USE')
  })
})

test('lists by name, page by page, and finds parts of name and description', async () => {
  const description = 'for the zebra department'
  for (const name of ['Zebra 1', 'zebra 2', 'Zebra 3']) await addExchange({ name, description })
  const seen: string[] = []
  let cursor: string | undefined
  do {
    const query = { search: 'ZEBRA DEP', limit: 2, ...(cursor === undefined ? {} : { cursor }) }
    const { body } = await ada.call('listConfigurations', { query })
    seen.push(...body.items.map(({ name }) => name))
    cursor = body.next ?? undefined
  } while (cursor !== undefined)
  assert.deepEqual(seen, ['Zebra 1', 'zebra 2', 'Zebra 3'])
})

describe('a preview shows nobody whom one may not see', () => {
  const rows: { title: string; permissions: Permission[]; query: string }[] = [
    { title: 'of a user', permissions: ['configuration:view', 'device:view'], query: 'user' },
    { title: 'of a device', permissions: ['configuration:view', 'user:view'], query: 'device' },
    {
      title: 'of a label, without devices',
      permissions: ['configuration:view', 'user:view', 'label:view'],
      query: 'label',
    },
    {
      title: 'of a label, without users',
      permissions: ['configuration:view', 'device:view', 'label:view'],
      query: 'label',
    },
  ]
  for (const { title, permissions, query } of rows) {
    test(title, async () => {
      const { id } = await addExchange()
      const body = { name: fresh('preview'), permissions, expiresInSeconds: 3_600 }
      const robot = core.client().another((await ada.call('createApiToken', { body })).body.secret)
      await robot.call('readConfiguration', { params: { id } })
      const asked =
        query === 'label'
          ? robot.call('previewConfigurationForLabel', { params: { id }, query: { label: labelId } })
          : robot.call('previewConfiguration', {
              params: { id },
              query: query === 'user' ? { user: userId } : { user: userId, device: phoneId },
            })
      assert.equal((await refusal(asked)).code, 'FORBIDDEN')
    })
  }
})
