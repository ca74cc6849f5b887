/**
 * The one error class of the client towards the servers.
 * @module
 */

/** Why a request got no complete response. */
export type UpstreamFailure =
  /** No TCP connection, no address, or closed before TLS was up. */
  | 'UPSTREAM_UNREACHABLE'
  /** The handshake failed or the certificate is not good for that name. No request byte has left. */
  | 'UPSTREAM_TLS'
  | 'UPSTREAM_TIMEOUT'
  /** The server closed before its response was complete. */
  | 'UPSTREAM_RESET'
  /** The server sent what is not HTTP/1.1 by the strict rules of response-head.ts and chunked-decoder.ts. */
  | 'UPSTREAM_MALFORMED'
  /** The caller aborted, or the client was closed. */
  | 'UPSTREAM_ABORTED'
  /** The request body failed, or was shorter or longer than its length. */
  | 'REQUEST_BODY_FAILED'

/** `sent`: whether a byte of the request may have reached the server. The message is for people and has no content of either side. */
export class UpstreamError extends Error {
  override name = 'UpstreamError'
  readonly code: UpstreamFailure
  readonly sent: boolean

  constructor(code: UpstreamFailure, sent: boolean, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.sent = sent
  }
}
