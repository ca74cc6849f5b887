/**
 * Signing in with a password and a code, and proving identity again.
 * @module
 */
import type { Selectable } from 'kysely'
import type { Principal } from '../../api/principal.ts'
import { isLoopbackAddress } from './loopback.ts'
import type { Tx } from '../../database/store.ts'
import type { AdministratorsTables } from '../../database/tables/administrators.ts'
import { CoreError, invalid } from '../../failure.ts'
import type { Services } from '../services.ts'
import { countAttempt, forgive, type Subject } from './attempts.ts'
import { hashPassword, passwordProblem, verifyPassword } from './passwords.ts'
import { endSessions, type OpenedSession, renewSession, startSession } from './sessions.ts'
import { wrongCode } from './set-up.ts'
import { totpStep } from './totp.ts'
import { nobody, somebody, type Visitor } from './visitor.ts'

type Row = Selectable<AdministratorsTables['administrators']>

/** What is typed. `code` is missing for the break-glass account only. */
export interface Typed {
  readonly userName: string
  readonly password: string
  readonly code?: string
}

/**
 * Signs in. Whatever is wrong, the answer is the same and takes the same time.
 * @throws CoreError SIGN_IN_FAILED, LOCKED, TOO_MANY, UNAVAILABLE
 */
export async function signIn(services: Services, visitor: Visitor, typed: Typed): Promise<OpenedSession> {
  const subjects = subjectsOf(visitor, typed.userName)
  await countAttempt(services, subjects)
  const row = await byUserName(services, typed.userName)
  const right = await verifyPassword(typed.password, row?.password ?? null)
  const opened = row === undefined || !right ? null : await open(services, visitor, row, typed.code ?? null)
  if (opened === null) {
    await noteRefusal(services, visitor, row)
    throw new CoreError('SIGN_IN_FAILED', 'name, password or code are not right')
  }
  await forgive(services, subjects)
  return opened
}

/** At this machine itself: not through a proxy that says so. */
function isHere({ direct, remote }: Visitor): boolean {
  return direct && isLoopbackAddress(remote)
}

// Counted apart, else whoever reaches the listener could lock out the operator with the emergency account in hand.
function subjectsOf(visitor: Visitor, userName: string): readonly Subject[] {
  const here = isHere(visitor) ? ' here' : ''
  return [
    { scope: 'account', value: `${userName}\n${here}` },
    { scope: 'address', value: `${visitor.remote}${here}` },
  ]
}

async function byUserName({ store }: Services, userName: string): Promise<Row | undefined> {
  return store.db
    .selectFrom('administrators')
    .selectAll()
    .where((eb) => eb(eb.fn<string>('lower', ['user_name']), '=', userName.toLowerCase()))
    .where('kind', '!=', 'oidc')
    .executeTakeFirst()
}

/** Null when the code is not right, or the account may not be used so. */
async function open(
  services: Services,
  visitor: Visitor,
  { id, kind, user_name, password }: Row,
  code: string | null,
): Promise<OpenedSession | null> {
  if (kind === 'break-glass') return openBreakGlass(services, visitor, { id, user_name, password })
  return services.store.change(somebody(visitor, { id, user_name }), async (change) => {
    const { tx, now, audit } = change
    // Anew and locked: a code is used once, and a password that was changed while this one was checked is not good.
    const row = await lockAdministrator(tx, id)
    if (row === null || row.disabled || row.password !== password || code === null) return null
    if (!(await useCode(services, tx, row, code, now))) return null
    const session = await startSession(change, { administratorId: id, kind: 'local', remote: visitor.remote })
    audit({
      action: 'session.start',
      object: { kind: 'session', id: session.id },
      after: { with: 'password and code' },
    })
    return session
  })
}

/** From this machine only, once, and never quietly: docs/decisions/0014-break-glass.md. */
async function openBreakGlass(
  services: Services,
  visitor: Visitor,
  account: Pick<Row, 'id' | 'user_name' | 'password'>,
): Promise<OpenedSession | null> {
  if (!isHere(visitor)) return null
  const session = await services.store.change(somebody(visitor, account), async (change) => {
    const { numUpdatedRows } = await change.tx
      .updateTable('administrators')
      .set({ password: null, updated_at: change.now })
      .where('id', '=', account.id)
      .where('password', '=', account.password)
      .executeTakeFirst()
    if (numUpdatedRows === 0n) return null // somebody else was first
    const { id, user_name: name } = account
    change.audit({ action: 'break-glass.sign-in', object: { kind: 'administrator', id, name } })
    return startSession(change, { administratorId: id, kind: 'break-glass', remote: visitor.remote })
  })
  if (session !== null) services.log('problem', 'break-glass-used', { remote: visitor.remote, session: session.id })
  return session
}

async function noteRefusal({ store }: Services, visitor: Visitor, row: Row | undefined): Promise<void> {
  // What was typed is kept only when there is such an account: it may be a password in the wrong field.
  const object = { kind: 'administrator', id: row?.id ?? null, name: row?.user_name ?? '(unknown)' }
  await store.change(nobody(visitor), async ({ audit }) => audit({ action: 'session.refuse', object }))
}

async function lockAdministrator(tx: Tx, id: string): Promise<Row | null> {
  const row = await tx.selectFrom('administrators').selectAll().where('id', '=', id).forUpdate().executeTakeFirst()
  return row ?? null
}

async function useCode({ vault }: Services, tx: Tx, row: Row, code: string, now: Date): Promise<boolean> {
  if (row.totp_secret_id === null) return false
  const secret = await vault.read(tx, 'totp', row.totp_secret_id)
  const step = totpStep(secret, code, row.totp_last_step, now.getTime())
  if (step === null) return false
  await tx.updateTable('administrators').set({ totp_last_step: step }).where('id', '=', row.id).execute()
  return true
}

/** An administrator's own session; a token has none. @throws CoreError FORBIDDEN */
export function requireSession(principal: Principal | null): Principal & { readonly sessionId: string } {
  if (principal === null || principal.sessionId === null) {
    throw new CoreError('FORBIDDEN', 'an API token has no session; sign in as a person')
  }
  return { ...principal, sessionId: principal.sessionId }
}

/** Proves identity again with a code; the session gets a new secret. @throws CoreError SIGN_IN_FAILED, LOCKED, FORBIDDEN */
export async function stepUp(
  services: Services,
  visitor: Visitor,
  principal: Principal | null,
  code: string,
): Promise<OpenedSession> {
  const { administratorId, name, sessionId } = requireSession(principal)
  const subjects = [{ scope: 'step-up', value: administratorId }] as const
  await countAttempt(services, subjects)
  const actor = { ...somebody(visitor, { id: administratorId, user_name: name }), sessionId }
  const opened = await services.store.change(actor, async (change) => {
    const row = await lockAdministrator(change.tx, administratorId)
    const right = row !== null && (await useCode(services, change.tx, row, code, change.now))
    const object = { kind: 'session', id: sessionId }
    change.audit({ action: right ? 'session.step-up' : 'session.refuse-step-up', object })
    return right ? renewSession(change, sessionId) : null
  })
  if (opened === null) throw wrongCode()
  await forgive(services, subjects)
  return opened
}

/** Changes one's own password: every other session ends. @throws CoreError SIGN_IN_FAILED, LOCKED, INVALID, CONFLICT */
export async function changePassword(
  services: Services,
  visitor: Visitor,
  principal: Principal | null,
  { current, password }: { current: string; password: string },
): Promise<OpenedSession> {
  const { administratorId: id, sessionId } = requireSession(principal)
  const row = await services.store.db.selectFrom('administrators').selectAll().where('id', '=', id).executeTakeFirst()
  if (row?.kind !== 'local') throw new CoreError('CONFLICT', 'this account has no password that could be changed here')
  const subjects = [{ scope: 'step-up', value: id }] as const
  await countAttempt(services, subjects)
  if (!(await verifyPassword(current, row.password))) {
    throw new CoreError('SIGN_IN_FAILED', 'the current password is not right')
  }
  await forgive(services, subjects)
  const problem = passwordProblem(password, row.user_name)
  if (problem !== null) throw invalid('password', problem)
  if (password === current) throw invalid('password', 'must be another one than before')
  const phc = await hashPassword(password)
  const actor = { ...somebody(visitor, row), sessionId }
  return services.store.change(actor, async (change) => {
    const { numUpdatedRows } = await change.tx
      .updateTable('administrators')
      .set({ password: phc, password_at: change.now, updated_at: change.now })
      .where('id', '=', id)
      .where('password', '=', row.password)
      .executeTakeFirst()
    if (numUpdatedRows === 0n) throw new CoreError('CONFLICT', 'the password was changed meanwhile; sign in again')
    const ended = await endSessions(change.tx, id, sessionId)
    const object = { kind: 'administrator', id, name: row.user_name }
    change.audit({ action: 'administrator.change-password', object, after: { password: '(secret)', ended } })
    return renewSession(change, sessionId)
  })
}
