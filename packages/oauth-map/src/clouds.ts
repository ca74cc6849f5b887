/**
 * The national clouds of the mail service: which hosts, resources and endpoints belong together.
 *
 * Documents: Microsoft's national-cloud endpoint tables and the Exchange team's notice on certificate-based
 * authentication hosts; alias sets as the public client libraries hold them.
 * @module
 */

/** One cloud. Hosts are lower case, without port. */
export interface CloudPreset {
  readonly name: CloudName
  /** The first is the host to configure. */
  readonly easHosts: readonly string[]
  /** The first is the current name; older aliases follow and are accepted. */
  readonly loginHosts: readonly string[]
  /** Host of `iss` in the metadata of the v1 endpoints. */
  readonly issuerHost: string
  readonly authorizationEndpoint: string
  readonly tokenEndpoint: string
  readonly destinationResource: string
  /** Where requests without Authorization are sent; never followed. */
  readonly cbaHosts: readonly string[]
  /** 451 targets that may be followed; `*.` stands for one or more labels. */
  readonly redirectHosts: readonly string[]
}

const ROWS = {
  worldwide: {
    easHosts: ['outlook.office365.com', 'outlook.office.com'],
    loginHosts: ['login.microsoftonline.com', 'login.windows.net', 'login.microsoft.com', 'sts.windows.net'],
    issuerHost: 'sts.windows.net',
    authorizationEndpoint: 'https://login.microsoftonline.com/common/oauth2/authorize',
    tokenEndpoint: 'https://login.microsoftonline.com/common/oauth2/token',
    destinationResource: 'https://outlook.office365.com/',
    cbaHosts: ['outlook-cba.office365.com'],
    redirectHosts: ['outlook.office365.com', 'outlook.office.com', '*.outlook.com'],
  },
  'us-gcc-high': {
    easHosts: ['outlook.office365.us'],
    loginHosts: ['login.microsoftonline.us', 'login.usgovcloudapi.net'],
    issuerHost: 'sts.windows.net',
    authorizationEndpoint: 'https://login.microsoftonline.us/common/oauth2/authorize',
    tokenEndpoint: 'https://login.microsoftonline.us/common/oauth2/token',
    destinationResource: 'https://outlook.office365.us/',
    cbaHosts: ['outlook-cba.office365.us'],
    redirectHosts: ['outlook.office365.us'],
  },
  'us-dod': {
    easHosts: ['outlook-dod.office365.us'],
    loginHosts: ['login.microsoftonline.us', 'login.usgovcloudapi.net'],
    issuerHost: 'sts.windows.net',
    authorizationEndpoint: 'https://login.microsoftonline.us/common/oauth2/authorize',
    tokenEndpoint: 'https://login.microsoftonline.us/common/oauth2/token',
    destinationResource: 'https://outlook-dod.office365.us/',
    cbaHosts: ['outlook-dod-cba.office365.us'],
    redirectHosts: ['outlook-dod.office365.us'],
  },
  china: {
    easHosts: ['partner.outlook.cn'],
    loginHosts: ['login.partner.microsoftonline.cn', 'login.chinacloudapi.cn'],
    issuerHost: 'sts.chinacloudapi.cn',
    authorizationEndpoint: 'https://login.partner.microsoftonline.cn/common/oauth2/authorize',
    tokenEndpoint: 'https://login.partner.microsoftonline.cn/common/oauth2/token',
    destinationResource: 'https://partner.outlook.cn/',
    cbaHosts: ['outlook-cba.partner.outlook.cn'],
    redirectHosts: ['partner.outlook.cn'],
  },
} as const satisfies Record<string, Omit<CloudPreset, 'name'>>

/** The name of a preset, as an operator writes it. */
export type CloudName = keyof typeof ROWS

/** The four clouds, worldwide first. */
export const CLOUDS: readonly CloudPreset[] = (
  ['worldwide', 'us-gcc-high', 'us-dod', 'china'] as const satisfies readonly CloudName[]
).map((name) => ({ name, ...ROWS[name] }))

/** The cloud that a login host or one of its older names belongs to; null for a host of the company's own. */
export function cloudOfLoginHost(host: string): CloudPreset | null {
  const folded = host.toLowerCase()
  return CLOUDS.find((cloud) => cloud.loginHosts.includes(folded)) ?? null
}

/**
 * Whether a host serves certificate authentication (a label ending in `-cba`, such as `outlook-cba.office365.com`).
 * A 451 towards one means that a request went out without Authorization: it is our own fault and is not followed.
 */
export function isCbaHost(host: string): boolean {
  const labels = host.toLowerCase().split('.')
  return labels.slice(0, -1).some((label) => label.endsWith('-cba'))
}
