/**
 * How somebody who was invited sets password and authenticator.
 * @module
 */
import type { Selectable } from 'kysely'
import type { Db } from '../../database/connect.ts'
import type { AdministratorsTables } from '../../database/tables/administrators.ts'
import { CoreError } from '../../failure.ts'
import type { Services } from '../services.ts'
import { forgive } from './attempts.ts'
import { hashPassword } from './passwords.ts'
import { newSecret, secretHash } from './secrets.ts'
import { type OpenedSession, startSession } from './sessions.ts'
import { countLinkUse, requirePassword, type TotpEnrolment, wrongCode, wrongLink } from './set-up.ts'
import { newTotpSecret, totpStep, totpUri } from './totp.ts'
import { nobody, somebody, type Visitor } from './visitor.ts'

/** An invitation is good for so long. Milliseconds. */
const INVITATION_MS = 259_200_000

/** Columns of a new invitation, and its secret. */
export function newInvitation(now: Date): {
  secret: string
  columns: { invitation_hash: Buffer; invitation_expires_at: Date }
} {
  const secret = newSecret()
  const expires = new Date(now.getTime() + INVITATION_MS)
  return { secret, columns: { invitation_hash: secretHash(secret), invitation_expires_at: expires } }
}

/** Chooses a password; it counts when the authenticator is confirmed. @throws CoreError SIGN_IN_FAILED, INVALID, TOO_MANY */
export async function openInvitation(
  services: Services,
  visitor: Visitor,
  { secret, password }: { secret: string; password: string },
): Promise<TotpEnrolment> {
  const subjects = await countLinkUse(services, visitor)
  const { id, user_name: userName } = await invited(services, services.store.db, secret)
  await forgive(services, subjects)
  requirePassword(password, userName)
  const phc = await hashPassword(password)
  const totp = newTotpSecret()
  await services.store.change(nobody(visitor), async ({ tx }) => {
    const row = await invited(services, tx, secret)
    const totpId = await services.vault.put(tx, 'totp', totp)
    const set = { draft_password: phc, draft_totp_secret_id: totpId }
    await tx.updateTable('administrators').set(set).where('id', '=', id).execute()
    if (row.draft_totp_secret_id !== null) await services.vault.remove(tx, row.draft_totp_secret_id)
  })
  return { userName, totp: { secret: totp, uri: totpUri(totp, userName) } }
}

/** Confirms the authenticator and signs in; the invitation is used up. @throws CoreError as `openInvitation` */
export async function confirmInvitation(
  services: Services,
  visitor: Visitor,
  { secret, code }: { secret: string; code: string },
): Promise<OpenedSession> {
  const subjects = await countLinkUse(services, visitor)
  const found = await invited(services, services.store.db, secret)
  const session = await services.store.change(somebody(visitor, found), async (change) => {
    const { tx, now, audit } = change
    const { id, user_name, draft_password, draft_totp_secret_id } = await invited(services, tx, secret)
    if (draft_password === null || draft_totp_secret_id === null) {
      throw new CoreError('INVALID', 'a password comes first (POST /api/v1/invitations/open)')
    }
    const step = totpStep(await services.vault.read(tx, 'totp', draft_totp_secret_id), code, 0, now.getTime())
    if (step === null) throw wrongCode()
    await tx
      .updateTable('administrators')
      .set({
        ...{ password: draft_password, password_at: now, totp_secret_id: draft_totp_secret_id, totp_last_step: step },
        ...{ draft_password: null, draft_totp_secret_id: null, invitation_hash: null, invitation_expires_at: null },
        updated_at: now,
      })
      .where('id', '=', id)
      .execute()
    audit({ action: 'administrator.accept-invitation', object: { kind: 'administrator', id, name: user_name } })
    return startSession(change, { administratorId: id, kind: 'local', remote: visitor.remote })
  })
  await forgive(services, subjects)
  return session
}

/** Locked for the rest of a transaction. @throws CoreError SIGN_IN_FAILED */
async function invited(
  { now }: Services,
  db: Db,
  secret: string,
): Promise<Selectable<AdministratorsTables['administrators']>> {
  const row = await db
    .selectFrom('administrators')
    .selectAll()
    .where('invitation_hash', '=', secretHash(secret))
    .where('invitation_expires_at', '>', new Date(now()))
    .where('disabled', '=', false)
    .forUpdate()
    .executeTakeFirst()
  if (row === undefined) throw wrongLink()
  return row
}
