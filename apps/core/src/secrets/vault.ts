/**
 * Secrets at rest: AES-256-GCM with a key of its own for each record, wrapped by a key that lies outside of the database.
 * @module
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import type { Db } from '../database/connect.ts'
import type { Tx } from '../database/store.ts'
import type { KeyRing } from './key-ring.ts'

const IV_BYTES = 12
const TAG_BYTES = 16
const KEY_BYTES = 32
const FORM = Buffer.from('PSV1')
const WRAPPED_BYTES = IV_BYTES + TAG_BYTES + KEY_BYTES

/** What a secret is for; it is bound to the record, so that one cannot be put in another's place. */
export type SecretPurpose =
  'service-ca-key' | 'device-ca-key' | 'tls-key' | 'totp' | 'oidc-client-secret' | 'oidc-sign-in' | 'syslog-key'

/** Thrown when a record does not open: another key, another purpose, or somebody changed it. */
export class VaultError extends Error {
  override name = 'VaultError'
}

/** Secrets in the table `secrets`; other tables hold their ids. */
export interface Vault {
  /** Encrypts and stores. Returns the id. */
  put(tx: Tx, purpose: SecretPurpose, plain: string): Promise<string>
  /** @throws VaultError */
  read(db: Db, purpose: SecretPurpose, id: string): Promise<string>
  remove(tx: Tx, id: string): Promise<void>
  /**
   * Wraps the keys of up to `most` records anew with the ring's current key; the records stay as they are. Returns how
   * many were: fewer than `most` when none is left, but for records that another transaction holds.
   */
  rewrap(tx: Tx, most: number): Promise<number>
}

/** `ring` holds the wrapping keys. */
export function createVault(ring: KeyRing): Vault {
  return {
    put: async (tx, purpose, plain) => {
      const id = crypto.randomUUID()
      const { id: keyId, key } = await ring.current()
      const box = seal(key, aad(purpose, id), Buffer.from(plain))
      await tx.insertInto('secrets').values({ id, purpose, key_id: keyId, box }).execute()
      return id
    },
    read: async (db, purpose, id) => {
      const row = await db.selectFrom('secrets').select(['key_id', 'box']).where('id', '=', id).executeTakeFirst()
      if (row === undefined) throw new VaultError(`there is no secret ${id}`)
      return open(await ring.byId(row.key_id), aad(purpose, id), row.box).toString()
    },
    remove: async (tx, id) => {
      await tx.deleteFrom('secrets').where('id', '=', id).execute()
    },
    rewrap: (tx, most) => rewrapSome(tx, ring, most),
  }
}

async function rewrapSome(tx: Tx, ring: KeyRing, most: number): Promise<number> {
  const current = await ring.current()
  const rows = await tx
    .selectFrom('secrets')
    .selectAll()
    .where('key_id', '!=', current.id)
    .orderBy('id')
    .limit(most)
    .forUpdate()
    .skipLocked()
    .execute()
  for (const row of rows) {
    const context = aad(row.purpose, row.id)
    const dataKey = unwrap(await ring.byId(row.key_id), context, row.box)
    const box = Buffer.concat([
      FORM,
      wrap(current.key, context, dataKey),
      row.box.subarray(FORM.length + WRAPPED_BYTES),
    ])
    await tx.updateTable('secrets').set({ key_id: current.id, box }).where('id', '=', row.id).execute()
  }
  return rows.length
}

function aad(purpose: string, id: string): Buffer {
  return Buffer.from(`${purpose}:${id}`)
}

/** `PSV1`, the wrapped key, the encrypted text; each with its nonce and tag. */
function seal(wrappingKey: Buffer, context: Buffer, plain: Buffer): Buffer {
  const dataKey = randomBytes(KEY_BYTES)
  return Buffer.concat([FORM, wrap(wrappingKey, context, dataKey), encrypt(dataKey, context, plain)])
}

function open(wrappingKey: Buffer, context: Buffer, box: Buffer): Buffer {
  return decrypt(unwrap(wrappingKey, context, box), context, box.subarray(FORM.length + WRAPPED_BYTES))
}

function wrap(wrappingKey: Buffer, context: Buffer, dataKey: Buffer): Buffer {
  return encrypt(wrappingKey, context, dataKey)
}

function unwrap(wrappingKey: Buffer, context: Buffer, box: Buffer): Buffer {
  if (!box.subarray(0, FORM.length).equals(FORM)) throw new VaultError('the record has an unknown form')
  return decrypt(wrappingKey, context, box.subarray(FORM.length, FORM.length + WRAPPED_BYTES))
}

function encrypt(key: Buffer, context: Buffer, plain: Buffer): Buffer {
  const iv = randomBytes(IV_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(context)
  const text = Buffer.concat([cipher.update(plain), cipher.final()])
  return Buffer.concat([iv, cipher.getAuthTag(), text])
}

function decrypt(key: Buffer, context: Buffer, box: Buffer): Buffer {
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, box.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES })
    decipher.setAAD(context).setAuthTag(box.subarray(IV_BYTES, IV_BYTES + TAG_BYTES))
    return Buffer.concat([decipher.update(box.subarray(IV_BYTES + TAG_BYTES)), decipher.final()])
  } catch (error) {
    throw new VaultError('the record does not open with its key', { cause: error })
  }
}
