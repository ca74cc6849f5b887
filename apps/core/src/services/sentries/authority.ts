/**
 * The service CA: it signs for Sentries, and for the listeners that Sentries dial. One for a database, made at first start.
 * @module
 */
import { X509Certificate } from 'node:crypto'
import { sql } from 'kysely'
import { type Authority, createAuthority, openAuthority } from '@postern/pki/authority'
import { SYSTEM } from '../../audit/chain.ts'
import type { Db } from '../../database/connect.ts'
import type { Services } from '../services.ts'

const DAY_MS = 86_400_000
/** Twenty years: it is a pin, and a pin that ends takes every Sentry along. */
const LIFE_MS = 20 * 365 * DAY_MS
/** Certificates are valid from a little before they were made: clocks differ. Milliseconds. */
const SKEW_MS = DAY_MS
/** Held while making it, so that Cores that start together make one. */
const AUTHORITY_LOCK = 7_205_020

type AuthorityServices = Pick<Services, 'store' | 'vault' | 'now'>

/** Opens the service CA; the first Core ever makes it. @throws VaultError, PkiError when what is stored was changed */
export async function openServiceAuthority(services: AuthorityServices): Promise<Authority> {
  const { store, vault } = services
  const row = (await storedAuthority(store.db)) ?? (await makeAuthority(services))
  const privateKeyPem = await vault.read(store.db, 'service-ca-key', row.key_secret)
  return openAuthority({ certificatePem: row.certificate_pem, privateKeyPem })
}

/** DER of a certificate in PEM, base64url: as it stands in an enrolment token. */
export function authorityForToken(certificatePem: string): string {
  return new X509Certificate(certificatePem).raw.toString('base64url')
}

interface StoredAuthority {
  readonly certificate_pem: string
  readonly key_secret: string
}

async function storedAuthority(db: Db): Promise<StoredAuthority | undefined> {
  return db.selectFrom('service_authority').select(['certificate_pem', 'key_secret']).executeTakeFirst()
}

async function makeAuthority({ store, vault }: AuthorityServices): Promise<StoredAuthority> {
  return store.change(SYSTEM, async (change) => {
    await sql`select pg_advisory_xact_lock(${sql.lit(AUTHORITY_LOCK)})`.execute(change.tx)
    const made = await storedAuthority(change.tx)
    if (made !== undefined) return made
    const now = change.now.getTime()
    const { certificatePem, privateKeyPem } = await createAuthority({
      commonName: 'Postern service CA',
      keyType: 'P-256',
      notBefore: now - SKEW_MS,
      notAfter: now + LIFE_MS,
    })
    const row = {
      certificate_pem: certificatePem,
      key_secret: await vault.put(change.tx, 'service-ca-key', privateKeyPem),
    }
    await change.tx.insertInto('service_authority').values(row).execute()
    const { fingerprint256, validTo } = new X509Certificate(certificatePem)
    change.audit({
      action: 'service-authority.create',
      object: { kind: 'service-authority' },
      after: { certificate: fingerprint256, validTo },
    })
    return row
  })
}
