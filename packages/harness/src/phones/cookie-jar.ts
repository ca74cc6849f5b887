/**
 * Cookies as a phone keeps them: by host and path, in memory, for as long as the phone lives.
 *
 * Document: RFC 6265, 5.2 to 5.4, without Domain (a phone in the lab talks to single hosts). Pure.
 * @module
 */

interface Cookie {
  host: string
  path: string
  name: string
  value: string
}

/** A jar for all hosts of one phone. */
export class CookieJar {
  #cookies: Cookie[] = []

  /** Takes the `Set-Cookie` lines of an answer to `url`; an expired one removes its cookie. */
  store(url: URL, lines: readonly string[]): void {
    for (const line of lines) {
      const [pair = '', ...attributes] = line.split(';')
      const at = pair.indexOf('=')
      if (at <= 0) continue
      const cookie = { host: url.host, path: pathOf(attributes, url), ...nameAndValue(pair, at) }
      this.#cookies = this.#cookies.filter((other) => !sameCookie(other, cookie))
      if (!isExpired(attributes)) this.#cookies.push(cookie)
    }
  }

  /** The `Cookie` header for a request to `url`, or null when there is nothing to send. */
  headerFor(url: URL): string | null {
    const fitting = this.#cookies.filter(({ host, path }) => host === url.host && coversPath(path, url.pathname))
    return fitting.length === 0 ? null : fitting.map(({ name, value }) => `${name}=${value}`).join('; ')
  }
}

function nameAndValue(pair: string, at: number): { name: string; value: string } {
  return { name: pair.slice(0, at).trim(), value: pair.slice(at + 1).trim() }
}

function sameCookie(a: Cookie, b: Cookie): boolean {
  return a.host === b.host && a.path === b.path && a.name === b.name
}

function pathOf(attributes: string[], url: URL): string {
  const path = attributeOf(attributes, 'path')
  if (path?.startsWith('/') === true) return path
  const end = url.pathname.lastIndexOf('/')
  return end <= 0 ? '/' : url.pathname.slice(0, end)
}

function coversPath(cookiePath: string, path: string): boolean {
  if (path === cookiePath) return true
  return path.startsWith(cookiePath) && (cookiePath.endsWith('/') || path[cookiePath.length] === '/')
}

function isExpired(attributes: string[]): boolean {
  const maxAge = attributeOf(attributes, 'max-age')
  if (maxAge !== undefined) return Number(maxAge) <= 0
  const expires = attributeOf(attributes, 'expires')
  return expires !== undefined && Date.parse(expires) <= Date.now()
}

function attributeOf(attributes: string[], name: string): string | undefined {
  const found = attributes.find((attribute) => attribute.split('=')[0]?.trim().toLowerCase() === name)
  return found?.slice(found.indexOf('=') + 1).trim()
}
