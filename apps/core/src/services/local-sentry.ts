/**
 * The Sentry that `npm start` runs beside Core: registered without a click, since whoever starts both owns both.
 * @module
 */
import { sql } from 'kysely'
import { SYSTEM } from '../audit/chain.ts'
import type { Db } from '../database/connect.ts'
import { feedOrigin } from '../config/feed-address.ts'
import { openServiceAuthority } from './sentries/authority.ts'
import { createSentry, newSentryToken } from './sentries/edit-sentries.ts'
import type { Services } from './services.ts'

const NAME = 'this machine'

/**
 * An enrolment token for it; null when it is registered, or when an administrator has revoked it. It takes over the first
 * Standalone Sentry that is saved.
 */
export async function localSentryToken(services: Services): Promise<string | null> {
  const { authority, core } = { authority: await openServiceAuthority(services), core: feedOrigin(services.config) }
  const where = { core, authorityPem: authority.certificatePem }
  return services.store.change(SYSTEM, async (change) => {
    const row = await change.tx
      .selectFrom('sentries')
      .select(['id', 'registered_at', 'revoked_at'])
      .where('local', '=', true)
      .forUpdate()
      .executeTakeFirst()
    if (row !== undefined) {
      const settled = row.registered_at !== null || row.revoked_at !== null
      return settled ? null : (await newSentryToken(change, row.id, where)).token
    }
    const name = await freeName(change.tx)
    return (await createSentry(change, { name, profileId: null, local: true }, where)).invitation.token
  })
}

async function freeName(db: Db): Promise<string> {
  for (let i = 1; ; i += 1) {
    const name = i === 1 ? NAME : `${NAME} ${i}`
    const same = sql<boolean>`lower(name) = ${name}`
    const taken = await db.selectFrom('sentries').select('id').where(same).executeTakeFirst()
    if (taken === undefined) return name
  }
}
