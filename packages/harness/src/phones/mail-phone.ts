/**
 * A phone that acts like the built-in mail of iOS, configured by an Exchange profile with the two OAuth URLs.
 *
 * Three processes with three User-Agents take part: Settings (probe and first token), the web view (sign-in) and the
 * mail daemon (ActiveSync, refresh). Only the mail daemon presents the profile's certificate. No PKCE; `resource` is
 * made from the profile's Host; it announces that it understands claims challenges.
 * @module
 */
import { randomUUID } from 'node:crypto'
import type { LabNet } from '../lab-net.ts'
import { bearerChallengeOf, mergedClaims } from './bearer-challenge.ts'
import type { BearerChallenge } from './bearer-challenge.ts'
import { CookieJar } from './cookie-jar.ts'
import { EasAccount } from './eas-account.ts'
import type { EasCarrier, EasPost } from './eas-account.ts'
import { phoneHttp } from './phone-http.ts'
import type { PhoneHttp, PhoneIdentity, PhoneReply } from './phone-http.ts'
import { PhoneLog } from './phone-log.ts'
import { askForToken } from './token-endpoint.ts'
import type { TokenOutcome } from './token-endpoint.ts'
import { signInOnTheWeb } from './web-view.ts'
import type { WebSignIn } from './web-view.ts'

/** The published application id of "iOS Accounts". */
export const APPLE_CLIENT_ID = 'f8d98a96-0999-43f5-8af3-69971c7bb423'

const REDIRECT_URI = 'com.apple.Preferences://oauth-redirect'
const SETTINGS_AGENT = 'Preferences/1208.2.2 CFNetwork/3826.600.41 Darwin/24.6.0'
const WEB_AGENT =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148'
const MAIL_AGENT = 'Apple-iPhone15C4/2207.62'

/** The keys of the Exchange payload that matter here, and the phone they are installed on. */
export interface MailPhoneOptions {
  net: LabNet
  /** `Host` of the payload; may carry a port. */
  host: string
  /** `OAuthSignInURL`; default `https://<host>/proxyservice/oauth2/authorize`. */
  oauthSignInUrl?: string
  /** `OAuthTokenRequestURL`; default `https://<host>/proxyservice/oauth2/token`. */
  oauthTokenRequestUrl?: string
  /** `EmailAddress` and `UserName`. */
  user: string
  /** What the person types into the sign-in page. */
  password: string
  deviceId: string
  /** The payload's identity; null: the profile has none. */
  identity: PhoneIdentity | null
}

/** What came of a sign-in: what the web view saw, and the token's fate (null when no code came back). */
export interface SignInOutcome {
  web: WebSignIn
  token: TokenOutcome | null
}

/** See the module's text. Its connections must be closed: `close()` or `await using`. */
export class MailPhone implements AsyncDisposable {
  readonly kind = 'iOS Mail'
  readonly log = new PhoneLog()
  readonly eas: EasAccount
  /** The `resource` that this phone asks tokens for. */
  readonly resource: string
  readonly #options: MailPhoneOptions
  /** Without and with the certificate: what Settings and web view use, and what the mail daemon uses. */
  readonly #plain: PhoneHttp
  readonly #mail: PhoneHttp
  readonly #cookies = new CookieJar()
  #accessToken = ''
  #refreshToken: string | null = null

  constructor(options: MailPhoneOptions) {
    this.#options = options
    this.resource = `https://${options.host}/`
    this.#plain = phoneHttp(options.net, null)
    this.#mail = phoneHttp(options.net, options.identity)
    this.eas = new EasAccount({
      carrier: {
        post: (post) => this.#post(post),
        options: (token) => this.#optionsRequest(token),
      } satisfies EasCarrier,
      log: this.log,
      accessToken: () => this.#accessToken,
      renew: (challenge) => this.#renew(challenge),
      device: {
        Model: 'iPhone15C4',
        OS: 'iOS 18.6 22G86',
        OSLanguage: 'en-GB',
        FriendlyName: `${options.user.split('@')[0] ?? ''}'s iPhone`,
      },
    })
  }

  get signInUrl(): string {
    return this.#options.oauthSignInUrl ?? `https://${this.#options.host}/proxyservice/oauth2/authorize`
  }

  get tokenUrl(): string {
    return this.#options.oauthTokenRequestUrl ?? `https://${this.#options.host}/proxyservice/oauth2/token`
  }

  /** What the phone does when the profile names no URLs: an empty Bearer, to learn the authorization_uri from the 401. */
  async probe(): Promise<{ status: number; challenge: BearerChallenge | null }> {
    const { host, user } = this.#options
    const reply = await this.#mail({
      method: 'OPTIONS',
      url: new URL(`https://${host}/Microsoft-Server-ActiveSync`),
      headers: { 'User-Agent': SETTINGS_AGENT, Authorization: 'Bearer ', 'X-User-Identity': user, Accept: '*/*' },
      body: null,
    })
    this.log.note('discovery', 'empty Bearer probe', reply.status, reply.ms)
    return { status: reply.status, challenge: bearerChallengeOf(reply.headers['www-authenticate']) }
  }

  /** Signs in through the web view and redeems the code. `claims` are those of a challenge, base64 as received. */
  async signIn(claims: string | null = null): Promise<SignInOutcome> {
    const state = randomUUID().toUpperCase()
    const web = await signInOnTheWeb(
      this.#authorizeUrl(state, claims),
      { user: this.#options.user, password: this.#options.password },
      { http: this.#plain, userAgent: WEB_AGENT, cookies: this.#cookies, log: this.log, redirectUri: REDIRECT_URI },
    )
    const code = web.callback?.searchParams.get('code') ?? null
    if (code === null || web.callback?.searchParams.get('state') !== state) return { web, token: null }
    const form = { grant_type: 'authorization_code', code, redirect_uri: REDIRECT_URI, resource: this.resource }
    return { web, token: await this.#token(this.#plain, SETTINGS_AGENT, form) }
  }

  /** Refreshes as the mail daemon does; the outcome says whether a token came. */
  async refresh(): Promise<TokenOutcome> {
    const form = { grant_type: 'refresh_token', refresh_token: this.#refreshToken ?? '', resource: this.resource }
    return this.#token(this.#mail, MAIL_AGENT, form)
  }

  /** Takes a token that was made elsewhere, so that a test need not sign in. */
  useToken(accessToken: string, refreshToken: string | null = null): void {
    this.#accessToken = accessToken
    this.#refreshToken = refreshToken
  }

  /** Closes the phone's connections. */
  close(): void {
    this.#plain.close()
    this.#mail.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close()
    return Promise.resolve()
  }

  #authorizeUrl(state: string, claims: string | null): URL {
    const url = new URL(this.signInUrl)
    const parameters = {
      response_type: 'code',
      client_id: APPLE_CLIENT_ID,
      redirect_uri: REDIRECT_URI,
      resource: this.resource,
      display: 'ios',
      ui_locales: 'en-GB',
      state,
      claims: mergedClaims(claims),
      login_hint: this.#options.user,
    }
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
    return url
  }

  async #token(http: PhoneHttp, userAgent: string, form: Record<string, string>): Promise<TokenOutcome> {
    const headers = { 'User-Agent': userAgent, 'Accept-Language': 'en-GB,en;q=0.9' }
    const url = new URL(this.tokenUrl)
    const outcome = await askForToken(http, url, { ...form, client_id: APPLE_CLIENT_ID }, headers, this.log)
    if (outcome.ok) this.useToken(outcome.accessToken, outcome.refreshToken ?? this.#refreshToken)
    return outcome
  }

  /** After a 401: claims need the person; anything else is tried with the refresh token, then with the person. */
  async #renew(challenge: BearerChallenge | null): Promise<boolean> {
    const claims = challenge?.claims ?? null
    if (claims === null && this.#refreshToken !== null && (await this.refresh()).ok) return true
    return (await this.signIn(claims)).token?.ok === true
  }

  #post({ command, policyKey, body, accessToken, signal }: EasPost): Promise<PhoneReply> {
    const { user, deviceId } = this.#options
    const query = `Cmd=${command}&User=${encodeURIComponent(user)}&DeviceId=${deviceId}&DeviceType=iPhone`
    return this.#daemon({
      method: 'POST',
      query: `?${query}`,
      headers: {
        'MS-ASProtocolVersion': '16.1',
        ...(policyKey === null ? {} : { 'X-MS-PolicyKey': policyKey }),
        ...(body === null ? {} : { 'Content-Type': 'application/vnd.ms-sync.wbxml' }),
      },
      body,
      accessToken,
      ...(signal === undefined ? {} : { signal }),
    })
  }

  #optionsRequest(accessToken: string): Promise<PhoneReply> {
    return this.#daemon({ method: 'OPTIONS', query: '', headers: {}, body: null, accessToken })
  }

  async #daemon(request: {
    method: 'POST' | 'OPTIONS'
    query: string
    headers: Record<string, string>
    body: Uint8Array | null
    accessToken: string
    signal?: AbortSignal
  }): Promise<PhoneReply> {
    const url = new URL(`https://${this.#options.host}/Microsoft-Server-ActiveSync${request.query}`)
    const cookie = this.#cookies.headerFor(url)
    const reply = await this.#mail({
      method: request.method,
      url,
      headers: {
        'User-Agent': MAIL_AGENT,
        Accept: '*/*',
        'Accept-Language': 'en-GB',
        'Accept-Encoding': 'gzip, deflate, br',
        Authorization: `Bearer ${request.accessToken}`,
        ...request.headers,
        ...(cookie === null ? {} : { Cookie: cookie }),
      },
      body: request.body,
      ...(request.signal === undefined ? {} : { signal: request.signal }),
    })
    this.#cookies.store(url, reply.setCookies)
    return reply
  }
}
