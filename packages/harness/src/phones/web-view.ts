/**
 * A phone's web view: walks the sign-in pages as a person would, until a redirect leaves for the app's own scheme.
 * @module
 */
import type { CookieJar } from './cookie-jar.ts'
import type { PhoneLog } from './phone-log.ts'
import type { PhoneHttp, PhoneReply } from './phone-http.ts'
import { asksForPassword, fillForm, findForm, wordsOf } from './sign-in-form.ts'
import type { Person, SignInForm } from './sign-in-form.ts'

/** What a web view was shown, and where it ended. */
export interface WebSignIn {
  /** The first answer: Sentry's own, to the authorize request. */
  first: { status: number; location: URL | null; headers: PhoneReply['headers'] }
  /** Hosts in the order they were asked. */
  hosts: string[]
  /** The redirect to the app's own scheme, or null when a page stayed. */
  callback: URL | null
  /** Words of the page that stayed; empty after a callback. */
  page: string
}

/** What a web view needs. */
export interface WebViewOptions {
  http: PhoneHttp
  userAgent: string
  cookies: CookieJar
  log: PhoneLog
  /** The redirect URI of the app; schemes compare without regard to case, with or without a slash at the end. */
  redirectUri: string
}

const MAX_STEPS = 20

interface Step {
  method: 'GET' | 'POST'
  url: URL
  body: string | null
}

/** Opens `authorizeUrl` and signs in. Fills each page's first form; the same person is tried once. */
export async function signInOnTheWeb(authorizeUrl: URL, person: Person, view: WebViewOptions): Promise<WebSignIn> {
  const seen: WebSignIn = { first: { status: 0, location: null, headers: {} }, hosts: [], callback: null, page: '' }
  let step: Step | null = { method: 'GET', url: authorizeUrl, body: null }
  let asked = 0
  for (let steps = 0; step !== null && steps < MAX_STEPS; steps += 1) {
    const reply = await load(step, view)
    const location = locationOf(reply, step.url)
    if (steps === 0) seen.first = { status: reply.status, location, headers: reply.headers }
    seen.hosts.push(step.url.host)
    if (location !== null && isCallback(location, view.redirectUri)) return { ...seen, callback: location }
    const page = location === null ? reply.body.toString('utf8') : ''
    const form: SignInForm | null = location === null ? findForm(page) : null
    if (form !== null && asksForPassword(form)) asked += 1
    seen.page = wordsOf(page)
    step = asked > 1 ? null : nextStep(step.url, location, form, person)
  }
  return seen
}

/** Whether a redirect goes to the app: Entra answers with the scheme in lower case and a slash appended. */
function isCallback(location: URL, redirectUri: string): boolean {
  const wanted = new URL(redirectUri)
  const samePath = withoutSlash(location.pathname) === withoutSlash(wanted.pathname)
  return location.protocol === wanted.protocol && location.host === wanted.host && samePath
}

function withoutSlash(path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : path
}

function nextStep(from: URL, location: URL | null, form: SignInForm | null, person: Person): Step | null {
  if (location !== null) return location.protocol === 'https:' ? { method: 'GET', url: location, body: null } : null
  if (form === null) return null
  const fields = fillForm(form, person)
  const url = new URL(form.action === '' ? from : form.action, from)
  if (form.method === 'POST') return { method: 'POST', url, body: fields.toString() }
  url.search = fields.toString()
  return { method: 'GET', url, body: null }
}

async function load(step: Step, view: WebViewOptions): Promise<PhoneReply> {
  const cookie = view.cookies.headerFor(step.url)
  const reply = await view.http({
    method: step.method,
    url: step.url,
    headers: {
      'User-Agent': view.userAgent,
      Accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
      'Accept-Language': 'en-GB,en;q=0.9',
      ...(cookie === null ? {} : { Cookie: cookie }),
      ...(step.body === null ? {} : { 'Content-Type': 'application/x-www-form-urlencoded' }),
    },
    body: step.body,
  })
  view.cookies.store(step.url, reply.setCookies)
  view.log.note('web', `${step.method} ${step.url.host}${step.url.pathname}`, reply.status, reply.ms)
  return reply
}

function locationOf(reply: PhoneReply, base: URL): URL | null {
  const location = reply.headers['location']
  const moved = reply.status >= 300 && reply.status < 400
  return moved && location !== undefined && URL.canParse(location, base.href) ? new URL(location, base) : null
}
