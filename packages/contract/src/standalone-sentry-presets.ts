/**
 * Values for the OAuth fields of a Standalone Sentry, for the clouds of the mail service.
 * @module
 */
import Type, { type Static } from 'typebox'
import { CLOUDS, type CloudName } from '@postern/oauth-map/clouds'
import { strict } from './api/common.ts'

/** What an administrator's directory is put in place of. */
export const TENANT_PLACEHOLDER = '{tenant}'

/** A preset. `needsTenant`: {@link TENANT_PLACEHOLDER} in the endpoints must be replaced by a directory (tenant) ID. */
export const SentryPreset = Type.Object(
  {
    id: Type.String(),
    title: Type.String(),
    description: Type.String(),
    needsTenant: Type.Boolean(),
    authorizationEndpoint: Type.String(),
    tokenEndpoint: Type.String(),
    destinationResource: Type.String(),
    servers: Type.Array(Type.String()),
    redirectHosts: Type.Array(Type.String()),
  },
  strict,
)
export type SentryPreset = Static<typeof SentryPreset>

const CLOUD_TEXTS: Readonly<Record<CloudName, { readonly title: string; readonly description: string }>> = {
  worldwide: { title: 'Worldwide', description: 'Office 365 worldwide and US Government GCC' },
  'us-gcc-high': { title: 'US Government GCC High', description: 'Office 365 US Government GCC High' },
  'us-dod': { title: 'US Government DoD', description: 'Office 365 US Department of Defense' },
  china: { title: 'China (21Vianet)', description: 'Office 365 operated by 21Vianet' },
}

/** The documented procedure's values first, then each cloud for one directory and for any. */
export const SENTRY_PRESETS: readonly SentryPreset[] = [documented(), ...CLOUDS.flatMap(({ name }) => presetsOf(name))]

function documented(): SentryPreset {
  return {
    ...presetFor('worldwide'),
    id: 'documented',
    title: 'Worldwide, as documented',
    description: 'The values of the configuration procedure: login.windows.net for any directory',
    authorizationEndpoint: 'https://login.windows.net/common/oauth2/authorize',
    tokenEndpoint: 'https://login.windows.net/common/oauth2/token',
  }
}

function presetsOf(name: CloudName): SentryPreset[] {
  const any = presetFor(name)
  const forTenant = (url: string): string => url.replace('/common/', `/${TENANT_PLACEHOLDER}/`)
  return [
    {
      ...any,
      id: `${name}-tenant`,
      title: `${any.title}, one directory`,
      description: `${any.description}: sign-in for one directory only`,
      needsTenant: true,
      authorizationEndpoint: forTenant(any.authorizationEndpoint),
      tokenEndpoint: forTenant(any.tokenEndpoint),
    },
    any,
  ]
}

function presetFor(name: CloudName): SentryPreset {
  const cloud = CLOUDS.find((row) => row.name === name)
  if (cloud === undefined) throw new Error(`no cloud ${name}`)
  const { authorizationEndpoint, tokenEndpoint, destinationResource, easHosts, redirectHosts } = cloud
  const { title, description } = CLOUD_TEXTS[name]
  return {
    id: name,
    title,
    description: `${description}: sign-in for any directory`,
    needsTenant: false,
    authorizationEndpoint,
    tokenEndpoint,
    destinationResource,
    servers: easHosts.slice(0, 1),
    redirectHosts: [...redirectHosts],
  }
}
