/**
 * The first administrator: through a one-time link, once.
 * @module
 */
import { SYSTEM } from '../../audit/chain.ts'
import type { Db } from '../../database/connect.ts'
import { CoreError, invalid } from '../../failure.ts'
import type { Services } from '../services.ts'
import { countAttempt, forgive, type Subject } from './attempts.ts'
import { hashPassword, passwordProblem } from './passwords.ts'
import { isSecretOf, newSecret, secretHash } from './secrets.ts'
import { type OpenedSession, startSession } from './sessions.ts'
import { newTotpSecret, totpStep, totpUri } from './totp.ts'
import { nobody, somebody, type Visitor } from './visitor.ts'

/** The role that the first administrator gets. */
export const SUPER_ADMINISTRATOR = 'super-administrator'

/** What an authenticator is set up with. */
export interface TotpEnrolment {
  readonly userName: string
  readonly totp: { readonly secret: string; readonly uri: string }
}

/** A new one-time secret of the set-up link, good until the first administrator exists; null when one does. */
export async function openSetUp({ store, vault }: Services): Promise<string | null> {
  return store.change(SYSTEM, async ({ tx, audit }) => {
    const [draft] = await tx.deleteFrom('set_up').returning('totp_secret_id').execute()
    if (draft?.totp_secret_id != null) await vault.remove(tx, draft.totp_secret_id)
    if (await hasAdministrator(tx)) return null
    const secret = newSecret()
    await tx
      .insertInto('set_up')
      .values({ secret_hash: secretHash(secret) })
      .execute()
    audit({ action: 'set-up.open', object: { kind: 'set-up' } })
    return secret
  })
}

/** Whether set-up waits for somebody. */
export async function isSetUpOpen(db: Db): Promise<boolean> {
  return (await db.selectFrom('set_up').select('one').executeTakeFirst()) !== undefined
}

/** What the first administrator chooses. */
export interface FirstAdministrator {
  readonly secret: string
  readonly userName: string
  readonly displayName: string
  readonly password: string
}

/** Keeps name and password until the authenticator is confirmed. @throws CoreError SIGN_IN_FAILED, ALREADY_SET_UP, INVALID */
export async function startSetUp(
  services: Services,
  visitor: Visitor,
  { secret, userName, displayName, password }: FirstAdministrator,
): Promise<TotpEnrolment> {
  const subjects = await countLinkUse(services, visitor)
  const hash = await setUpHash(services.store.db)
  if (!isSecretOf(secret, hash)) throw wrongLink()
  await forgive(services, subjects)
  requirePassword(password, userName)
  const phc = await hashPassword(password)
  const totp = newTotpSecret()
  await services.store.change(nobody(visitor), async ({ tx }) => {
    const row = await tx.selectFrom('set_up').selectAll().forUpdate().executeTakeFirst()
    if (row === undefined) throw alreadySetUp()
    if (!isSecretOf(secret, row.secret_hash)) throw wrongLink() // a Core that started meanwhile made a new one
    const totpId = await services.vault.put(tx, 'totp', totp)
    await tx
      .updateTable('set_up')
      .set({ user_name: userName, display_name: displayName, password: phc, totp_secret_id: totpId })
      .execute()
    if (row.totp_secret_id !== null) await services.vault.remove(tx, row.totp_secret_id)
  })
  return { userName, totp: { secret: totp, uri: totpUri(totp, userName) } }
}

/** Makes the first administrator and closes set-up: of several at once one gets through. @throws CoreError as `startSetUp` */
export async function confirmSetUp(
  services: Services,
  visitor: Visitor,
  { secret, code }: { secret: string; code: string },
): Promise<OpenedSession> {
  const subjects = await countLinkUse(services, visitor)
  const id = crypto.randomUUID()
  const hash = await setUpHash(services.store.db)
  if (!isSecretOf(secret, hash)) throw wrongLink()
  const draft = await services.store.db.selectFrom('set_up').select('user_name').executeTakeFirst()
  const actor = somebody(visitor, { id, user_name: draft?.user_name ?? '' })
  const session = await services.store.change(actor, async (change) => {
    const { tx, now, audit } = change
    const row = await tx.selectFrom('set_up').selectAll().forUpdate().executeTakeFirst()
    if (row === undefined) throw alreadySetUp()
    const { user_name, display_name, password, totp_secret_id } = row
    if (!isSecretOf(secret, row.secret_hash)) throw wrongLink()
    if (user_name === null || display_name === null || password === null || totp_secret_id === null) {
      throw new CoreError('INVALID', 'name and password come first (POST /api/v1/setup)')
    }
    const step = totpStep(await services.vault.read(tx, 'totp', totp_secret_id), code, 0, now.getTime())
    if (step === null) throw wrongCode()
    await tx.deleteFrom('set_up').execute()
    await tx
      .insertInto('administrators')
      .values({
        ...{ id, kind: 'local', user_name, display_name, password, totp_secret_id, totp_last_step: step },
        ...{ password_at: now, created_at: now, updated_at: now },
      })
      .execute()
    await tx.insertInto('administrator_roles').values({ administrator_id: id, role_id: SUPER_ADMINISTRATOR }).execute()
    const after = { userName: user_name, displayName: display_name, roles: [SUPER_ADMINISTRATOR] }
    audit({ action: 'set-up.finish', object: { kind: 'administrator', id, name: user_name }, after })
    return startSession(change, { administratorId: id, kind: 'local', remote: visitor.remote })
  })
  await forgive(services, subjects)
  return session
}

async function hasAdministrator(db: Db): Promise<boolean> {
  const row = await db.selectFrom('administrators').select('id').where('kind', '!=', 'break-glass').executeTakeFirst()
  return row !== undefined
}

async function setUpHash(db: Db): Promise<Buffer> {
  const row = await db.selectFrom('set_up').select('secret_hash').executeTakeFirst()
  if (row === undefined) throw alreadySetUp()
  return row.secret_hash
}

/** Links are guessed from one address, if at all. */
export async function countLinkUse(services: Services, { remote }: Visitor): Promise<readonly Subject[]> {
  const subjects = [{ scope: 'address', value: remote }] as const
  await countAttempt(services, subjects)
  return subjects
}

/** @throws CoreError INVALID with the rule. */
export function requirePassword(password: string, userName: string): void {
  const problem = passwordProblem(password, userName)
  if (problem !== null) throw invalid('password', problem)
}

/** The same for a link that never was, one that was used, and one that is too old. */
export function wrongLink(): CoreError {
  return new CoreError('SIGN_IN_FAILED', 'this link is not good, or not any more; ask for a new one')
}

/** For a code that is wrong, old, or was used before. */
export function wrongCode(): CoreError {
  return new CoreError('SIGN_IN_FAILED', 'the code is not right; wait for the next one, and check the clock')
}

function alreadySetUp(): CoreError {
  return new CoreError('ALREADY_SET_UP', 'there is an administrator already; sign in')
}
