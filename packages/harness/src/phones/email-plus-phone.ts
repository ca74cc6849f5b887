/**
 * A phone that acts like Email+: an app configured by five key-value pairs, signing in as the ADAL libraries do.
 *
 * It is given an authority and appends `/oauth2/authorize` and `/oauth2/token` itself; asks the authority's host for
 * instance discovery; redeems the code without `resource`; files the token under the `resource` of the answer and looks
 * it up under its own. It presents its certificate wherever it is asked, and writes the base64 query.
 * @module
 */
import { randomUUID } from 'node:crypto'
import type { LabNet } from '../lab-net.ts'
import { writeBase64Query } from '../wire/base64-query.ts'
import type { BearerChallenge } from './bearer-challenge.ts'
import { CookieJar } from './cookie-jar.ts'
import { EasAccount } from './eas-account.ts'
import type { EasCarrier, EasPost } from './eas-account.ts'
import { readEmailPlusPairs } from './email-plus-settings.ts'
import type { EmailPlusPairs, EmailPlusSettings } from './email-plus-settings.ts'
import type { SignInOutcome } from './mail-phone.ts'
import { phoneHttp } from './phone-http.ts'
import type { PhoneHttp, PhoneIdentity, PhoneReply } from './phone-http.ts'
import { PhoneLog } from './phone-log.ts'
import { askForToken, jsonObject } from './token-endpoint.ts'
import type { TokenOutcome } from './token-endpoint.ts'
import { signInOnTheWeb } from './web-view.ts'

/** The application id that the lab registers for this app; the real app's is not published. */
export const EMAIL_PLUS_CLIENT_ID = '3c7c5f31-6d0a-4c7e-9d53-2a2f0b6f4e11'
/** And its redirect URI, the lab's as well. */
export const EMAIL_PLUS_REDIRECT_URI = 'emailplus://com.example.emailplus'

const USER_AGENT = 'Email+/4.9 (Android 15; Pixel 9)'
const ADAL_CLIENT = {
  'x-client-SKU': 'Android',
  'x-client-Ver': '4.4.0',
  'x-client-OS': '35',
  'x-client-DM': 'Pixel 9',
}

/** Where the app runs and for whom. */
export interface EmailPlusPhoneOptions {
  net: LabNet
  pairs: EmailPlusPairs
  user: string
  password: string
  deviceId: string
  /** The identity that `email_login_certificate` names; null: the device holds none. */
  identity: PhoneIdentity | null
}

/** Why the app could not go on. `DISCOVERY`: the authority did not answer as one; `TOKEN_NOT_FOUND`: filed under another resource. */
export type EmailPlusErrorCode = 'DISCOVERY' | 'TOKEN_NOT_FOUND' | 'STATE_MISMATCH'

/** The app gives up, loudly. */
class EmailPlusError extends Error {
  override name = 'EmailPlusError'
  readonly code: EmailPlusErrorCode
  constructor(code: EmailPlusErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

/** See the module's text. Its connections must be closed: `close()` or `await using`. */
export class EmailPlusPhone implements AsyncDisposable {
  readonly kind = 'Email+'
  readonly log = new PhoneLog()
  readonly eas: EasAccount
  readonly settings: EmailPlusSettings
  readonly #options: EmailPlusPhoneOptions
  readonly #http: PhoneHttp
  readonly #cookies = new CookieJar()
  /** Access tokens by the resource that the answer named. */
  readonly #tokens = new Map<string, string>()
  #refreshToken: string | null = null

  /** @throws EmailPlusSettingsError when a pair is missing or wrong. */
  constructor(options: EmailPlusPhoneOptions) {
    this.#options = options
    this.settings = readEmailPlusPairs(options.pairs)
    this.#http = phoneHttp(options.net, options.identity)
    this.eas = new EasAccount({
      carrier: {
        post: (post) => this.#post(post),
        options: (token) => this.#optionsRequest(token),
      } satisfies EasCarrier,
      log: this.log,
      accessToken: () => this.#tokens.get(this.settings.resource) ?? '',
      renew: (challenge) => this.#renew(challenge),
      device: { Model: 'Pixel 9', OS: 'Android 15', OSLanguage: 'en', FriendlyName: 'Email+', UserAgent: USER_AGENT },
    })
  }

  /** The `resource` that this app asks tokens for. */
  get resource(): string {
    return this.settings.resource
  }

  /**
   * Asks the authority's own host whether it knows better endpoints; only `invalid_instance` means "none, carry on".
   *
   * @throws EmailPlusError `DISCOVERY` for anything else.
   */
  async discover(): Promise<{ status: number; body: Record<string, unknown> }> {
    const url = new URL('/common/discovery/instance', this.settings.authority)
    url.searchParams.set('api-version', '1.1')
    url.searchParams.set('authorization_endpoint', this.settings.authorizeUrl.href)
    const reply = await this.#http({ method: 'GET', url, headers: this.#adalHeaders(), body: null })
    this.log.note('discovery', `instance discovery at ${url.host}`, reply.status, reply.ms)
    const body = jsonObject(reply.body)
    const known = reply.status === 200 && typeof body['tenant_discovery_endpoint'] === 'string'
    if (!known && body['error'] !== 'invalid_instance') {
      throw new EmailPlusError(
        'DISCOVERY',
        `instance discovery answered ${String(reply.status)} without invalid_instance`,
      )
    }
    return { status: reply.status, body }
  }

  /** Discovery, the sign-in page, the code. @throws EmailPlusError */
  async signIn(claims: string | null = null): Promise<SignInOutcome> {
    await this.discover()
    const { user, password } = this.#options
    const state = Buffer.from(`a=${this.settings.authority.href}&r=${this.resource}`).toString('base64url')
    const view = {
      http: this.#http,
      userAgent: USER_AGENT,
      cookies: this.#cookies,
      log: this.log,
      redirectUri: EMAIL_PLUS_REDIRECT_URI,
    }
    const web = await signInOnTheWeb(this.#authorizeUrl(state, claims), { user, password }, view)
    const code = web.callback?.searchParams.get('code') ?? null
    if (code === null) return { web, token: null }
    if (web.callback?.searchParams.get('state') !== state) {
      throw new EmailPlusError('STATE_MISMATCH', 'the state came back changed')
    }
    const form = { grant_type: 'authorization_code', code, redirect_uri: EMAIL_PLUS_REDIRECT_URI, client_info: '1' }
    return { web, token: await this.#token(form) }
  }

  /** Refreshes for the app's own resource. @throws EmailPlusError `TOKEN_NOT_FOUND` */
  refresh(): Promise<TokenOutcome> {
    return this.#token({
      grant_type: 'refresh_token',
      refresh_token: this.#refreshToken ?? '',
      resource: this.resource,
      redirect_uri: EMAIL_PLUS_REDIRECT_URI,
      client_info: '1',
    })
  }

  /** Takes a token that was made elsewhere, so that a test need not sign in. */
  useToken(accessToken: string, refreshToken: string | null = null): void {
    this.#tokens.set(this.resource, accessToken)
    this.#refreshToken = refreshToken
  }

  /** Closes the phone's connections. */
  close(): void {
    this.#http.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close()
    return Promise.resolve()
  }

  #authorizeUrl(state: string, claims: string | null): URL {
    const url = new URL(this.settings.authorizeUrl)
    const parameters = {
      response_type: 'code',
      client_id: EMAIL_PLUS_CLIENT_ID,
      resource: this.resource,
      redirect_uri: EMAIL_PLUS_REDIRECT_URI,
      state,
      login_hint: this.#options.user,
      ...ADAL_CLIENT,
      'client-request-id': randomUUID(),
      haschrome: '1',
    }
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
    if (claims !== null) url.searchParams.set('claims', Buffer.from(claims, 'base64').toString('utf8'))
    return url
  }

  #adalHeaders(): Record<string, string> {
    return {
      'User-Agent': USER_AGENT,
      Accept: 'application/json',
      'client-request-id': randomUUID(),
      'return-client-request-id': 'true',
      ...ADAL_CLIENT,
      'x-ms-PKeyAuth': '1.0',
    }
  }

  async #token(form: Record<string, string>): Promise<TokenOutcome> {
    const headers = this.#adalHeaders()
    const full = { ...form, client_id: EMAIL_PLUS_CLIENT_ID }
    const outcome = await askForToken(this.#http, this.settings.tokenUrl, full, headers, this.log)
    if (!outcome.ok) return outcome
    if (outcome.headers['client-request-id'] !== headers['client-request-id']) {
      this.log.note('token', 'the client-request-id did not come back')
    }
    this.#tokens.set(outcome.resource ?? form['resource'] ?? '', outcome.accessToken)
    this.#refreshToken = outcome.refreshToken ?? this.#refreshToken
    if (this.#tokens.get(this.resource) !== outcome.accessToken) {
      throw new EmailPlusError(
        'TOKEN_NOT_FOUND',
        `the token was filed under ${JSON.stringify(outcome.resource)}, and is looked for under ${this.resource}`,
      )
    }
    return outcome
  }

  /** After a 401: claims need the person; anything else is tried with the refresh token, then with the person. */
  async #renew(challenge: BearerChallenge | null): Promise<boolean> {
    const claims = challenge?.claims ?? null
    if (claims === null && this.#refreshToken !== null && (await this.refresh()).ok) return true
    return (await this.signIn(claims)).token?.ok === true
  }

  #post({ command, policyKey, body, accessToken, signal }: EasPost): Promise<PhoneReply> {
    const query = writeBase64Query({
      version: '16.1',
      command,
      deviceId: this.#options.deviceId,
      policyKey: policyKey === null ? null : Number(policyKey),
      deviceType: 'Android',
      parameters: [[8, this.#options.user]],
    })
    const type: Record<string, string> = body === null ? {} : { 'Content-Type': 'application/vnd.ms-sync.wbxml' }
    return this.#send('POST', `?${query}`, type, body, accessToken, signal)
  }

  #optionsRequest(accessToken: string): Promise<PhoneReply> {
    return this.#send('OPTIONS', '', {}, null, accessToken)
  }

  async #send(
    method: 'POST' | 'OPTIONS',
    query: string,
    headers: Record<string, string>,
    body: Uint8Array | null,
    accessToken: string,
    signal?: AbortSignal,
  ): Promise<PhoneReply> {
    const url = new URL(`https://${this.settings.exchangeHost}/Microsoft-Server-ActiveSync${query}`)
    const cookie = this.#cookies.headerFor(url)
    const reply = await this.#http({
      method,
      url,
      headers: {
        'User-Agent': USER_AGENT,
        Authorization: `Bearer ${accessToken}`,
        ...headers,
        ...(cookie === null ? {} : { Cookie: cookie }),
      },
      body,
      ...(signal === undefined ? {} : { signal }),
    })
    this.#cookies.store(url, reply.setCookies)
    return reply
  }
}
