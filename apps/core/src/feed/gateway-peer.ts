/**
 * Who is at the other end of a connection to the feed.
 * @module
 */
import type { TLSSocket } from 'node:tls'
import { SENTRY_URI_PREFIX } from '@postern/pki/authority'
import { publicKeyFingerprint } from '@postern/pki/fingerprint'
import { CoreError } from '../failure.ts'
import type { Services } from '../services/services.ts'
import { confirmKey, type Gateway, type KeyClaim, standingOf } from '../services/sentries/standing.ts'

const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2'
const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/**
 * What a verified certificate claims: the chain leads to the service CA, it is valid, for clients, and names one Sentry.
 * `now`: ms since 1970.
 * @throws CoreError NOT_SIGNED_IN
 */
export function claimOf(socket: TLSSocket, now: number): KeyClaim {
  const certificate = socket.authorized ? socket.getPeerX509Certificate() : undefined
  if (certificate === undefined) {
    throw refused('present the certificate that Core issued to this Sentry; register it again when that has ended')
  }
  const name = certificate.subjectAltName ?? ''
  const id = name.slice(`URI:${SENTRY_URI_PREFIX}`.length)
  // The typings leave out that there is no list without the extension.
  const usages = (certificate.keyUsage as string[] | undefined) ?? []
  if (name !== `URI:${SENTRY_URI_PREFIX}${id}` || !ID.test(id) || !usages.includes(CLIENT_AUTH)) {
    throw refused('the certificate is not one of a Sentry')
  }
  // A connection may outlive the certificate that it was made with.
  if (certificate.validToDate.getTime() <= now) throw refused('the certificate has ended; register the Sentry again')
  const spki = certificate.publicKey.export({ type: 'spki', format: 'der' })
  return { sentryId: id, fingerprint: publicKeyFingerprint(spki) }
}

/** The Sentry of a claim, from the database. A new key that is used makes the old one useless. @throws CoreError NOT_SIGNED_IN */
export async function recogniseGateway(
  { store, now }: Pick<Services, 'store' | 'now'>,
  claim: KeyClaim,
  remote: string,
): Promise<Gateway> {
  const standing = await standingOf(store.db, claim, now())
  switch (standing.kind) {
    case 'revoked':
      throw refused('this Sentry was revoked or removed; get a new token from Core to register it again')
    case 'replaced':
      throw refused('this key is not the one that Core knows for this Sentry; another one took its place')
    case 'good': {
      const { gateway } = standing
      if (gateway.firstUse) await store.change(actorOf(gateway, remote), (change) => confirmKey(change, gateway))
      return gateway
    }
    default:
      return standing satisfies never
  }
}

/** The Sentry in the audit log. */
export function actorOf(gateway: { readonly sentryId: string; readonly name: string }, remote: string) {
  return { kind: 'sentry' as const, id: gateway.sentryId, name: gateway.name, remote }
}

function refused(detail: string): CoreError {
  return new CoreError('NOT_SIGNED_IN', detail)
}
