/**
 * Administrators and roles: nobody gives what they do not have, and somebody always can do everything.
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Role } from '@postern/contract/api/administrators'
import { BUILT_IN_ROLES, PERMISSION_NAMES } from '@postern/contract/api/permissions'
import { acceptInvitation, type Credentials, signIn, stepUp } from '@postern/harness/core-administrator'
import type { CoreClient } from '@postern/harness/core-client'
import { auditOf } from './support/audit-rows.ts'
import { startTestCore, type TestCore } from './support/test-core.ts'

const GONE = { code: 'NOT_SIGNED_IN' }
const FAILED = { code: 'SIGN_IN_FAILED' }
const FORBIDDEN = { code: 'FORBIDDEN' }
const CONFLICT = { code: 'CONFLICT' }
const SUPER = 'super-administrator'

interface Person {
  readonly id: string
  readonly client: CoreClient
  readonly credentials: Credentials
}

describe('administrators', () => {
  let core: TestCore
  let ada: CoreClient
  let adaId: string
  let adas: Credentials
  let manager: Role
  before(async () => {
    core = await startTestCore()
    ada = await core.signIn()
    adas = await core.credentials()
    adaId = (await ada.call('readSession')).body.administrator.id
    const permissions = ['administrator:view' as const, 'administrator:manage' as const, 'label:view' as const]
    manager = (await ada.call('createRole', { body: { name: 'Manager', permissions } })).body
  })
  after(() => core[Symbol.asyncDispose]())

  const password = 'none of your business'
  const invite = async (userName: string, roles: string[] = []) => {
    await stepUp(ada, adas)
    return (await ada.call('createAdministrator', { body: { userName, displayName: `The ${userName}`, roles } })).body
  }
  const person = async (userName: string, roles: string[] = []): Promise<Person> => {
    const { administrator, invitation } = await invite(userName, roles)
    const client = core.client()
    const accepted = { secret: invitation.secret, password, clock: core.clock }
    return { id: administrator.id, client, credentials: await acceptInvitation(client, accepted) }
  }
  const edit = async (by: CoreClient, id: string, change: { roles?: string[]; disabled?: boolean }) => {
    const { body } = await ada.call('readAdministrator', { params: { id } })
    const { displayName, roles, disabled, version } = body
    return by.call('updateAdministrator', {
      params: { id },
      body: { displayName, roles, disabled, ...change },
      ifMatch: version,
    })
  }

  describe('invitations', () => {
    test('without an accepted one nobody signs in', async () => {
      const { administrator } = await invite('ivan')
      assert.equal(administrator.state, 'invited')
      const body = { userName: 'ivan', password, code: '000000' }
      await assert.rejects(core.client().call('signIn', { body }), FAILED)
    })

    test('one is good once, with the right code, for 72 hours', async () => {
      const { invitation } = await invite('judy')
      const { secret } = invitation
      assert.equal(Math.round((Date.parse(invitation.expiresAt) - core.now()) / 3_600_000), 72)
      const client = core.client()
      await assert.rejects(client.call('confirmInvitation', { body: { secret, code: '000000' } }), { code: 'INVALID' })
      await assert.rejects(client.call('openInvitation', { body: { secret, password: 'judy knows the words' } }), {
        code: 'INVALID',
      })
      await client.call('openInvitation', { body: { secret, password } })
      await assert.rejects(client.call('confirmInvitation', { body: { secret, code: '000000' } }), FAILED)
      await acceptInvitation(client, { secret, password, clock: core.clock })
      assert.equal((await client.call('readSession')).body.administrator.userName, 'judy')
      await assert.rejects(client.call('openInvitation', { body: { secret, password } }), FAILED)
      const late = await invite('kim')
      core.advance(72 * 3_600_000 + 1_000)
      const body = { secret: late.invitation.secret, password }
      await assert.rejects(core.client().call('openInvitation', { body }), FAILED)
      ada = await core.signIn()
    })

    test('one made before the roles that allow more is not good for them', async () => {
      const { administrator, invitation } = await invite('mona', [manager.id])
      await edit(ada, administrator.id, { roles: [] })
      const body = { secret: invitation.secret, password }
      await core.client().call('openInvitation', { body })
      await edit(ada, administrator.id, { roles: [SUPER] })
      await assert.rejects(core.client().call('openInvitation', { body }), FAILED)
      const confirm = { secret: invitation.secret, code: '000000' }
      await assert.rejects(core.client().call('confirmInvitation', { body: confirm }), { message: /link is not good/ })
      const again = (await ada.call('inviteAdministrator', { params: { id: administrator.id } })).body
      await acceptInvitation(core.client(), { secret: again.secret, password, clock: core.clock })
    })

    test('inviting anew forgets password, authenticator, sessions and API tokens, and the invitation before', async () => {
      const leo = await person('leo', ['help-desk'])
      const draft = { name: 'night job', permissions: ['label:view' as const], expiresInSeconds: 86_400 }
      const made = await leo.client.call('createApiToken', { body: draft })
      const program = core.client().another(made.body.secret)
      await program.call('listLabels')
      const first = (await ada.call('inviteAdministrator', { params: { id: leo.id } })).body
      await assert.rejects(leo.client.call('readSession'), GONE)
      await assert.rejects(program.call('listLabels'), GONE)
      await assert.rejects(signIn(core.client(), leo.credentials), FAILED)
      const second = (await ada.call('inviteAdministrator', { params: { id: leo.id } })).body
      await assert.rejects(core.client().call('openInvitation', { body: { secret: first.secret, password } }), FAILED)
      await acceptInvitation(core.client(), { secret: second.secret, password, clock: core.clock })
    })

    test('the secret is neither in the database nor in the audit log', async () => {
      const { invitation } = await invite('mia')
      const rows = await core.core.services.store.db.selectFrom('administrators').selectAll().execute()
      assert.equal(JSON.stringify([rows, await auditOf(core)]).includes(invitation.secret), false)
      assert.equal(JSON.stringify(rows).includes(password), false)
    })
  })

  describe('who may change whom', () => {
    test('nobody gives a role with more than they have, nor to themselves', async () => {
      const { client, id } = await person('nick', [manager.id])
      for (const role of [SUPER, 'help-desk', 'auditor']) {
        const body = { userName: `by-nick-${role}`, displayName: 'x', roles: [role] }
        await assert.rejects(client.call('createAdministrator', { body }), FORBIDDEN)
        await assert.rejects(edit(client, id, { roles: [role] }), FORBIDDEN)
      }
      await client.call('createAdministrator', { body: { userName: 'by-nick', displayName: 'x', roles: [manager.id] } })
    })

    test('nobody touches whoever may do more: an invitation would make them that person', async () => {
      const { client } = await person('olga', [manager.id])
      const boss = await person('paula', [SUPER])
      await assert.rejects(client.call('inviteAdministrator', { params: { id: boss.id } }), FORBIDDEN)
      await assert.rejects(client.call('removeAdministrator', { params: { id: boss.id } }), FORBIDDEN)
      await assert.rejects(edit(client, boss.id, { disabled: true }), FORBIDDEN)
      await assert.rejects(edit(client, boss.id, { roles: [] }), FORBIDDEN)
      await boss.client.call('readSession')
    })

    test('nobody makes or widens a role beyond what they have', async () => {
      const { client } = await person('quinn', [manager.id])
      const add = (permissions: Role['permissions']) =>
        client.call('createRole', { body: { name: 'By Quinn', permissions } })
      await assert.rejects(add(['keys:rotate']), FORBIDDEN)
      await assert.rejects(add([...PERMISSION_NAMES]), FORBIDDEN)
      const { body, version } = await add(['label:view'])
      const widen = { name: 'By Quinn', permissions: ['label:view' as const, 'device:wipe' as const] }
      const params = { id: body.id }
      await assert.rejects(client.call('updateRole', { params, body: widen, ifMatch: version ?? 0 }), FORBIDDEN)
      await ada.call('updateRole', { params, body: widen, ifMatch: version ?? 0 })
      await assert.rejects(client.call('removeRole', { params }), FORBIDDEN)
      await ada.call('removeRole', { params })
    })

    test('who only looks changes nothing', async () => {
      const { client } = await person('rose', ['auditor'])
      await client.call('listAdministrators')
      await assert.rejects(client.call('createRole', { body: { name: 'x', permissions: [] } }), FORBIDDEN)
      await assert.rejects(client.call('removeAdministrator', { params: { id: adaId } }), FORBIDDEN)
    })
  })

  describe('the last super administrator', () => {
    test('cannot be removed, disabled, stripped or invited anew', async () => {
      const { items } = (await ada.call('listAdministrators', { query: { limit: 500 } })).body
      for (const { id, roles } of items) {
        if (id !== adaId && roles.includes(SUPER)) await ada.call('removeAdministrator', { params: { id } })
      }
      await invite('sara', [SUPER]) // invited is not enough
      await assert.rejects(ada.call('removeAdministrator', { params: { id: adaId } }), CONFLICT)
      await assert.rejects(edit(ada, adaId, { disabled: true }), CONFLICT)
      await assert.rejects(edit(ada, adaId, { roles: ['auditor'] }), CONFLICT)
      await assert.rejects(ada.call('inviteAdministrator', { params: { id: adaId } }), CONFLICT)
      await ada.call('readSession')
    })

    test('two that remove each other at once do not both succeed', async () => {
      const two = await person('tess', [SUPER])
      const ends = await Promise.allSettled([
        two.client.call('removeAdministrator', { params: { id: adaId } }),
        ada.call('removeAdministrator', { params: { id: two.id } }),
      ])
      assert.equal(ends.filter(({ status }) => status === 'fulfilled').length, 1)
      if (ends[0].status === 'rejected') return
      // Ada is gone: make her again, for the tests that follow.
      const draft = { userName: 'ada', displayName: 'Ada', roles: [SUPER] }
      const { body } = await two.client.call('createAdministrator', { body: draft })
      ada = core.client()
      adas = await acceptInvitation(ada, { secret: body.invitation.secret, password, clock: core.clock })
      adaId = body.administrator.id
    })
  })

  describe('changes', () => {
    test('other roles, being disabled and being removed end sessions at once', async () => {
      const uma = await person('uma', ['auditor'])
      await edit(ada, uma.id, { roles: ['auditor'] })
      await uma.client.call('readSession') // nothing changed
      await edit(ada, uma.id, { roles: ['help-desk'] })
      await assert.rejects(uma.client.call('readSession'), GONE)
      await signIn(uma.client, uma.credentials)
      await edit(ada, uma.id, { disabled: true })
      await assert.rejects(uma.client.call('readSession'), GONE)
      await assert.rejects(signIn(core.client(), uma.credentials), FAILED)
      await edit(ada, uma.id, { disabled: false })
      await signIn(uma.client, uma.credentials)
      await ada.call('removeAdministrator', { params: { id: uma.id } })
      await assert.rejects(uma.client.call('readSession'), GONE)
      const { db } = core.core.services.store
      const totp = (await db.selectFrom('secrets').select('id').where('purpose', '=', 'totp').execute()).length
      const kept = await db.selectFrom('administrators').select(['totp_secret_id', 'draft_totp_secret_id']).execute()
      assert.equal(totp, kept.flatMap((row) => Object.values(row)).filter((id) => id !== null).length)
    })

    test('signing somebody out leaves the account as it is', async () => {
      const vera = await person('vera')
      await ada.call('signOutAdministrator', { params: { id: vera.id } })
      await assert.rejects(vera.client.call('readSession'), GONE)
      await signIn(vera.client, vera.credentials)
    })

    test('a role acts on the next request of whoever has it', async () => {
      const { body, version } = await ada.call('createRole', { body: { name: 'Moving', permissions: ['label:view'] } })
      const walt = await person('walt', [body.id, manager.id])
      const change = { name: 'Moving', permissions: ['label:view' as const, 'audit:view' as const] }
      const ifMatch = version ?? 0
      await ada.call('updateRole', { params: { id: body.id }, body: change, ifMatch })
      assert.equal((await walt.client.call('readSession')).body.permissions.includes('audit:view'), true)
      await assert.rejects(ada.call('updateRole', { params: { id: body.id }, body: change, ifMatch }), {
        code: 'CHANGED',
      })
      await assert.rejects(ada.call('removeRole', { params: { id: body.id } }), { code: 'IN_USE' })
    })

    test('an old version, none, and somebody who is not there', async () => {
      const xena = await person('xena')
      const body = { displayName: 'Xena', roles: [], disabled: false }
      const call = (id: string, ifMatch?: number) =>
        ada.call('updateAdministrator', { params: { id }, body, ...(ifMatch === undefined ? {} : { ifMatch }) })
      const { version } = await call(xena.id, 1)
      assert.equal(version, 2)
      await assert.rejects(call(xena.id, 1), { code: 'CHANGED' })
      await assert.rejects(call(xena.id), { code: 'PRECONDITION_REQUIRED' })
      await assert.rejects(call(crypto.randomUUID(), 1), { code: 'NOT_FOUND' })
      await assert.rejects(edit(ada, xena.id, { roles: ['nobodys'] }), { code: 'INVALID' })
    })

    test('names are taken in whatever case', async () => {
      await assert.rejects(invite('ADA'), CONFLICT)
      await assert.rejects(ada.call('createRole', { body: { name: 'HELP DESK', permissions: [] } }), CONFLICT)
    })

    test('lists come in pages, by name', async () => {
      const names: string[] = []
      let cursor: string | null | undefined
      do {
        const query = { limit: 3, ...(cursor === undefined || cursor === null ? {} : { cursor }) }
        const { body } = await ada.call('listAdministrators', { query })
        names.push(...body.items.map(({ userName }) => userName))
        cursor = body.next
      } while (cursor !== null)
      assert.deepEqual(names, [...new Set(names)].sort())
      assert.ok(names.length > 6)
      const { body } = await ada.call('listAdministrators', { query: { search: 'he ADA' } })
      assert.ok(body.items.every(({ displayName }) => displayName.toLowerCase().includes('he ada')))
      assert.deepEqual((await ada.call('listAdministrators', { query: { search: '%' } })).body.items, [])
    })
  })

  describe('built-in roles', () => {
    test('are those of the contract, in the database too', async () => {
      const { items } = (await ada.call('listRoles')).body
      const found = items
        .filter(({ builtIn }) => builtIn)
        .map(({ id, name, permissions }) => ({ id, name, permissions }))
      const expected = Object.entries(BUILT_IN_ROLES).map(([id, { title, permissions }]) => ({
        id,
        name: title,
        permissions: [...permissions],
      }))
      const byId = (a: { id: string }, b: { id: string }): number => (a.id < b.id ? -1 : 1)
      assert.deepEqual(found.sort(byId), expected.sort(byId))
    })

    test('cannot be changed or removed', async () => {
      const params = { id: 'auditor' }
      await assert.rejects(
        ada.call('updateRole', { params, body: { name: 'x', permissions: [] }, ifMatch: 1 }),
        CONFLICT,
      )
      await assert.rejects(ada.call('removeRole', { params }), CONFLICT)
    })
  })

  test('all of it is in the audit log, with who did it from where', async () => {
    const rows = await auditOf(core)
    const expected = ['set-up.open', 'set-up.finish', 'session.start', 'session.refuse', 'session.step-up']
    expected.push('administrator.create', 'administrator.update', 'administrator.remove', 'administrator.invite')
    expected.push('administrator.accept-invitation', 'session.end-all', 'role.create', 'role.update', 'role.remove')
    const actions = new Set(rows.map(({ action }) => action))
    assert.deepEqual(
      expected.filter((action) => !actions.has(action)),
      [],
    )
    const created = rows.find(({ action }) => action === 'administrator.create')
    assert.deepEqual([created?.actor_name, created?.remote], ['ada', '127.0.0.1'])
  })
})
