/**
 * The key-value pairs that a UEM pushes to an Email+-like app. Pure.
 *
 * Document: the OAuth procedure of the product, "KVPs for Email+ Configuration".
 * @module
 */

/** The five pairs. `email_login_certificate` names an identity that the device holds. */
export interface EmailPlusPairs {
  eas_min_allowed_auth_mode: string
  modern_auth_authority_url: string
  modern_auth_resource_url: string
  email_login_certificate: string
  email_exchange_host: string
}

/** What the app makes of them. */
export interface EmailPlusSettings {
  /** Without a slash at the end. */
  authority: URL
  authorizeUrl: URL
  tokenUrl: URL
  /** Exactly as configured: it is compared with what the token answer says. */
  resource: string
  certificateName: string
  exchangeHost: string
}

/** A pair is missing or cannot be used; `key` names it. */
class EmailPlusSettingsError extends Error {
  override name = 'EmailPlusSettingsError'
  readonly key: keyof EmailPlusPairs
  constructor(key: keyof EmailPlusPairs, message: string) {
    super(`${key}: ${message}`)
    this.key = key
  }
}

/** Checks the pairs as the app does when it receives them. @throws EmailPlusSettingsError */
export function readEmailPlusPairs(pairs: Partial<EmailPlusPairs>): EmailPlusSettings {
  if (pairs.eas_min_allowed_auth_mode !== 'modern_auth') {
    throw new EmailPlusSettingsError('eas_min_allowed_auth_mode', 'must be modern_auth for OAuth')
  }
  const authority = authorityOf(pairs.modern_auth_authority_url)
  return {
    authority,
    authorizeUrl: new URL(`${authority.href}/oauth2/authorize`),
    tokenUrl: new URL(`${authority.href}/oauth2/token`),
    resource: resourceOf(pairs.modern_auth_resource_url),
    certificateName: present('email_login_certificate', pairs.email_login_certificate),
    exchangeHost: present('email_exchange_host', pairs.email_exchange_host),
  }
}

// ADAL: https, at least one path segment, no query or fragment; a slash at the end is cut before paths are appended.
function authorityOf(value: string | undefined): URL {
  const text = present('modern_auth_authority_url', value)
  const problem = (message: string): EmailPlusSettingsError =>
    new EmailPlusSettingsError('modern_auth_authority_url', message)
  if (!URL.canParse(text)) throw problem('is no URL')
  const url = new URL(text.endsWith('/') ? text.slice(0, -1) : text)
  if (url.protocol !== 'https:') throw problem('must be https')
  if (url.pathname === '/') throw problem('needs a path')
  if (url.search !== '' || url.hash !== '') throw problem('must have no query and no fragment')
  return url
}

function resourceOf(value: string | undefined): string {
  const text = present('modern_auth_resource_url', value)
  if (!URL.canParse(text)) throw new EmailPlusSettingsError('modern_auth_resource_url', 'is no URL')
  return text
}

function present(key: keyof EmailPlusPairs, value: string | undefined): string {
  if (value === undefined || value === '') throw new EmailPlusSettingsError(key, 'is missing')
  return value
}
