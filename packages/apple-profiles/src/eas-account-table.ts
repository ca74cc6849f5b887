/**
 * Every key of the payload `com.apple.eas.account`, from Apple's device-management schema (release for iOS 18.1).
 * The order is that of the rendered payload: the account and its sign-in first.
 * @module
 */

/**
 * A key of the payload. `since` is the first iOS that knows it; `initial` is what iOS takes when it is left out;
 * `obsoleteFrom` is the iOS from which another key replaces it, so it is never rendered; `secret` keys carry
 * a password or a private key, or matter only with one: they need an encrypted profile and are never rendered here.
 */
export interface EasKeyRow {
  readonly type: 'string' | 'bool' | 'int' | 'data' | 'dict'
  readonly since: string
  readonly initial?: boolean | number
  readonly obsoleteFrom?: string
  readonly secret?: true
}

/** 43 keys; spelling and case are Apple's (`disableMail…`, `allowMailDrop`, `…Overridable` beside `…Overrideable`). */
export const EAS_ACCOUNT_KEYS = {
  Host: { type: 'string', since: '4.0' },
  SSL: { type: 'bool', since: '4.0', initial: false },
  EmailAddress: { type: 'string', since: '4.0' },
  UserName: { type: 'string', since: '4.0' },
  OAuth: { type: 'bool', since: '12.0', initial: false },
  OAuthSignInURL: { type: 'string', since: '13.0' },
  OAuthTokenRequestURL: { type: 'string', since: '13.0' },
  PayloadCertificateUUID: { type: 'string', since: '4.0' },
  Password: { type: 'string', since: '4.0', secret: true },
  OverridePreviousPassword: { type: 'bool', since: '14.0', initial: false, secret: true },
  Certificate: { type: 'data', since: '7.0', secret: true },
  CertificateName: { type: 'string', since: '7.0', secret: true },
  CertificatePassword: { type: 'string', since: '4.0', secret: true },
  PreventMove: { type: 'bool', since: '5.0', initial: false },
  PreventAppSheet: { type: 'bool', since: '5.0', initial: false },
  disableMailRecentsSyncing: { type: 'bool', since: '4.0', initial: false },
  MailNumberOfPastDaysToSync: { type: 'int', since: '4.0', initial: 7 },
  HeaderMagic: { type: 'string', since: '4.0', obsoleteFrom: '7.0' },
  allowMailDrop: { type: 'bool', since: '9.2', initial: false },
  CommunicationServiceRules: { type: 'dict', since: '10.0' },
  SMIMEEnabled: { type: 'bool', since: '5.0', initial: false, obsoleteFrom: '10.0' },
  SMIMESigningEnabled: { type: 'bool', since: '10.3', initial: false },
  SMIMESigningCertificateUUID: { type: 'string', since: '5.0' },
  SMIMESigningUserOverrideable: { type: 'bool', since: '12.0', initial: false },
  SMIMESigningCertificateUUIDUserOverrideable: { type: 'bool', since: '12.0', initial: false },
  SMIMEEncryptionEnabled: { type: 'bool', since: '10.3', initial: false, obsoleteFrom: '12.0' },
  SMIMEEncryptionCertificateUUID: { type: 'string', since: '5.0' },
  SMIMEEnablePerMessageSwitch: { type: 'bool', since: '8.0', initial: false, obsoleteFrom: '12.0' },
  SMIMEEncryptByDefault: { type: 'bool', since: '12.0', initial: false },
  SMIMEEncryptByDefaultUserOverrideable: { type: 'bool', since: '12.0', initial: false },
  SMIMEEncryptionCertificateUUIDUserOverrideable: { type: 'bool', since: '12.0', initial: false },
  SMIMEEnableEncryptionPerMessageSwitch: { type: 'bool', since: '12.0', initial: false },
  EnableMail: { type: 'bool', since: '13.0', initial: true },
  EnableContacts: { type: 'bool', since: '13.0', initial: true },
  EnableCalendars: { type: 'bool', since: '13.0', initial: true },
  EnableReminders: { type: 'bool', since: '13.0', initial: true },
  EnableNotes: { type: 'bool', since: '13.0', initial: true },
  EnableMailUserOverridable: { type: 'bool', since: '13.0', initial: true },
  EnableContactsUserOverridable: { type: 'bool', since: '13.0', initial: true },
  EnableCalendarsUserOverridable: { type: 'bool', since: '13.0', initial: true },
  EnableRemindersUserOverridable: { type: 'bool', since: '13.0', initial: true },
  EnableNotesUserOverridable: { type: 'bool', since: '13.0', initial: true },
  VPNUUID: { type: 'string', since: '14.0' },
} as const satisfies Record<string, EasKeyRow>

type Table = typeof EAS_ACCOUNT_KEYS

/** A key that a profile of ours may carry: neither obsolete nor a secret. */
export type EasAccountKey = {
  [K in keyof Table]: Table[K] extends { readonly obsoleteFrom: string } | { readonly secret: true } ? never : K
}[keyof Table]

interface ValueOf {
  string: string
  bool: boolean
  int: number
  data: Uint8Array
  /** Of `CommunicationServiceRules`, the only one: which app starts audio calls, as its bundle identifier. */
  dict: { readonly DefaultServiceHandlers: { readonly AudioCall: string } }
}

/** Values of an account's keys; what is left out, iOS fills with its own default. */
export type EasAccountInput = { readonly [K in EasAccountKey]?: ValueOf[Table[K]['type']] | undefined }
