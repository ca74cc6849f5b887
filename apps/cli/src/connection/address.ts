/**
 * Address of a Core: an origin that a token may be sent to.
 * @module
 */
import { usage } from '../exits.ts'

/**
 * The origin, such as `https://core.example.com`.
 * @throws CliError usage: not a URL, more than an origin, or plain http to anything but this machine
 */
export function parseAddress(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw usage(`url: ${JSON.stringify(text)} is no address of a Core; write https://core.example.com`)
  }
  if (url.username !== '' || url.password !== '') {
    throw usage('url: must not hold a name or a password; sign in with postern login')
  }
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    throw usage(`url: must end after host and port: ${url.origin}`)
  }
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
    throw usage(`url: plain http is for this machine only; write https://${url.host}`)
  }
  return url
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host)
}
