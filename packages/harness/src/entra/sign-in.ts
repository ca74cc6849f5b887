/**
 * The sign-in itself: shows the page, checks the password, lets the library go on.
 * @module
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Provider } from 'oidc-provider'
import type { Directory } from './directory.ts'
import { EntraError } from './errors.ts'
import { SIGN_IN } from './provider.ts'
import { signInPage } from './sign-in-page.ts'

const WRONG = 'AADSTS50126: Your account or password is incorrect.'

/** Pages of one stand-in. */
export class SignIn {
  readonly #provider: Provider
  readonly #directory: Directory
  readonly #key = randomBytes(32)

  constructor(provider: Provider, directory: Directory) {
    this.#provider = provider
    this.#directory = directory
  }

  /** Answers a request for the page (`form` null) or the filled-in form. @throws EntraError when no sign-in is under way. */
  async handle(req: IncomingMessage, res: ServerResponse, form: URLSearchParams | null): Promise<void> {
    const { uid, params } = await this.#provider.interactionDetails(req, res).catch((cause: unknown) => {
      throw new EntraError('SESSION', cause instanceof Error ? cause.name : '')
    })
    const hint = params['login_hint']
    const shown = { action: `${SIGN_IN}${uid}`, canary: this.#canary(uid), user: typeof hint === 'string' ? hint : '' }
    if (form === null) {
      page(res, signInPage({ ...shown, problem: null }))
      return
    }
    if (!same(form.get('canary') ?? '', shown.canary)) throw new EntraError('SESSION', 'canary')
    const user = this.#directory.userByName(form.get('login') ?? '')
    if (user === null || !same(form.get('passwd') ?? '', user.password)) {
      page(res, signInPage({ ...shown, user: form.get('login') ?? '', problem: WRONG }))
      return
    }
    const next = await this.#provider.interactionResult(req, res, { login: { accountId: user.oid, amr: ['pwd'] } })
    res.writeHead(302, { Location: next, 'Cache-Control': 'no-store' })
    res.end()
  }

  /** Ties a form to its sign-in: another page cannot post it. */
  #canary(uid: string): string {
    return createHmac('sha256', this.#key).update(uid).digest('base64url')
  }
}

/** Sends a page. */
export function page(res: ServerResponse, html: string, status = 200): void {
  res.writeHead(status, { 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-store' })
  res.end(html)
}

function same(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}
