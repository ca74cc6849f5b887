/**
 * A request for the library, made from a client's: same connection and cookies, other path and body.
 * @module
 */
import { IncomingMessage } from 'node:http'

/** Makes one. `form` null: a GET. */
export function innerRequest(outer: IncomingMessage, url: string, form: URLSearchParams | null): IncomingMessage {
  const inner = new IncomingMessage(outer.socket)
  const body = form === null ? null : Buffer.from(form.toString())
  inner.method = body === null ? 'GET' : 'POST'
  inner.url = url
  inner.httpVersion = outer.httpVersion
  // A message that is not complete would take the connection down with it.
  inner.complete = true
  inner.headers = { host: outer.headers.host ?? '', accept: 'application/json' }
  if (outer.headers.cookie !== undefined) inner.headers.cookie = outer.headers.cookie
  if (body !== null) {
    inner.headers['content-type'] = 'application/x-www-form-urlencoded'
    inner.headers['content-length'] = String(body.length)
    inner.push(body)
  }
  inner.push(null)
  return inner
}
