/**
 * The identity provider as Core talks to it: discovery, where the browser goes, and what a code is worth.
 *
 * Documents: OpenID Connect Core 1.0 (3.1), Discovery 1.0, RFC 7636, RFC 9207, RFC 9700.
 * @module
 */
import * as oidc from 'openid-client'
import type { OidcSettings } from '@postern/contract/api/administrators'
import { isLoopback } from '../../config/core-config.ts'
import { CoreError } from '../../failure.ts'

/** Each request to the provider ends after so long. Seconds. */
const PROVIDER_SECONDS = 5
/** A fresh proof: the provider's clock may be off by so much. Seconds. */
export const CLOCK_SECONDS = 30

/** What only this sign-in knows; all of it random. */
export interface SignInSecrets {
  readonly state: string
  readonly nonce: string
  readonly verifier: string
}

/** Claims of a verified ID token. */
export type Claims = Readonly<Record<string, unknown>> & { readonly iss: string; readonly sub: string }

/** A provider whose metadata were read. */
export interface IdentityProvider {
  /** Where the browser goes. `fresh`: the person must sign in there anew. */
  authorizationUrl(secrets: SignInSecrets, redirectUri: string, fresh: boolean): Promise<URL>
  /** @throws CoreError SIGN_IN_FAILED when anything about the answer is not as it must be. */
  redeem(answer: URL, secrets: SignInSecrets, fresh: boolean): Promise<Claims>
}

/** New ones. */
export function newSignInSecrets(): SignInSecrets {
  return { state: oidc.randomState(), nonce: oidc.randomNonce(), verifier: oidc.randomPKCECodeVerifier() }
}

/** Reads the provider's metadata. @throws CoreError UNAVAILABLE when it cannot be reached, or is not what was set. */
export async function openProvider(
  { issuer, clientId, scopes }: OidcSettings,
  clientSecret: string | null,
): Promise<IdentityProvider> {
  const config = await discover(issuer, clientId, clientSecret)
  const { authorization_endpoint: authorize } = config.serverMetadata()
  if (authorize === undefined || !isSafe(authorize)) throw unusable()
  return {
    authorizationUrl: async ({ state, nonce, verifier }, redirectUri, fresh) =>
      oidc.buildAuthorizationUrl(config, {
        redirect_uri: redirectUri,
        scope: ['openid', ...scopes.filter((scope) => scope !== 'openid')].join(' '),
        ...{ state, nonce, response_type: 'code' },
        code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
        ...(fresh ? { prompt: 'login', max_age: '0' } : {}),
      }),
    redeem: async (answer, { state, nonce, verifier }, fresh) => {
      const checks = {
        ...{ expectedState: state, expectedNonce: nonce, pkceCodeVerifier: verifier, idTokenExpected: true },
        ...(fresh ? { maxAge: CLOCK_SECONDS } : {}),
      }
      const tokens = await oidc.authorizationCodeGrant(config, answer, checks).catch((cause: unknown) => {
        throw new CoreError('SIGN_IN_FAILED', 'the identity provider did not confirm the sign-in; begin again', {
          cause,
        })
      })
      const claims = tokens.claims()
      if (claims === undefined) throw unusable()
      return claims
    },
  }
}

async function discover(issuer: string, clientId: string, secret: string | null): Promise<oidc.Configuration> {
  const url = new URL(issuer)
  if (!isSafe(issuer)) throw unusable()
  const plain = url.protocol === 'http:' // loopback, as isSafe says
  try {
    return await oidc.discovery(url, clientId, {}, secret === null ? oidc.None() : oidc.ClientSecretBasic(secret), {
      timeout: PROVIDER_SECONDS,
      execute: [oidc.enableNonRepudiationChecks, ...(plain ? [allowLoopback] : [])],
      [oidc.customFetch]: guardedFetch,
    })
  } catch (cause) {
    throw unusable(cause)
  }
}

/** The library's switch lets every http through; `guardedFetch` and `isSafe` keep it to this machine. */
// eslint-disable-next-line @typescript-eslint/no-deprecated -- marked so to make people think; loopback needs it
const allowLoopback = oidc.allowInsecureRequests

/** No redirect is followed, and nothing goes in the clear to another machine, whatever the metadata say. */
const guardedFetch: oidc.CustomFetch = async (url, options) => {
  if (!isSafe(url)) throw unusable()
  return fetch(url, { ...options, body: options.body ?? null, redirect: 'manual' })
}

/** https, or this very machine. */
export function isSafe(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, hostname } = new URL(text)
  return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname.replace(/^\[|\]$/g, '')))
}

function unusable(cause?: unknown): CoreError {
  const remedy = 'check the issuer in the sign-in settings, and that Core reaches it'
  return new CoreError('UNAVAILABLE', `the identity provider does not answer as it must; ${remedy}`, { cause })
}
