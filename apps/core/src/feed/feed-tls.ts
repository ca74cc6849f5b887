/**
 * TLS of the feed listener, and nothing else: the one place of Core where a handshake may end without a certificate.
 *
 * A machine that registers has none yet, so the handshake must not refuse it. `gateway-peer.ts` looks at
 * `socket.authorized` before anything else on every path but that one.
 * @module
 */
import { constants } from 'node:crypto'
import type { TlsOptions } from 'node:tls'

/**
 * Every connection is a full handshake: a resumed session would bring along the verdict of an earlier one.
 */
export const FEED_TLS: TlsOptions = {
  requestCert: true,
  rejectUnauthorized: false, // judged for each request in gateway-peer.ts
  minVersion: 'TLSv1.3',
  handshakeTimeout: 10_000,
  secureOptions: constants.SSL_OP_NO_TICKET,
}
