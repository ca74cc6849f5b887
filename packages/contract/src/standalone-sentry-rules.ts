/**
 * Rules of a Standalone Sentry that no schema can say. What the Sentry's own configuration demands is asked of its rules,
 * so that nothing is saved which a Sentry would refuse.
 *
 * Messages are rule and remedy; the field's title is put before them by the parser.
 * @module
 */
import { cloudOfLoginHost } from '@postern/oauth-map/clouds'
import { sameResource } from '@postern/oauth-map/resource'
import type { Problem, RuleSet } from './problems.ts'
import type { SentryConfigFile } from './sentry-config-file.ts'
import { CONFIG_RULES } from './sentry-config-rules.ts'
import { httpsFault, placeholderFault, quoted, sentryHostFault, serverFault } from './standalone-sentry-hosts.ts'
import { addressOf } from './standalone-sentry-normal-form.ts'
import type { StandaloneSentry } from './standalone-sentry-schema.ts'

type Report = (path: string, message: string) => void
type Rules = (settings: StandaloneSentry, report: Report) => void

/** Every rule with the sections that it looks at. Own rules first: their messages are the better ones. */
export const STANDALONE_SENTRY_RULES: readonly RuleSet<StandaloneSentry>[] = [
  set(['name'], nameRules),
  set(['sentryHost', 'alternativeNames'], hostRules),
  set(['enableActiveSync'], ({ enableActiveSync }, report) => {
    if (!enableActiveSync) {
      report('enableActiveSync', 'is off, but a Standalone Sentry serves nothing else; select it, or remove the Sentry')
    }
  }),
  set(['deviceAuthentication'], deviceRules),
  set(['deviceAuthentication', 'balancers'], balancerRules),
  set(['serverAuthentication'], endpointRules),
  set(['serverAuthentication'], clientRules),
  set(['sentryHost', 'externalPort', 'serverAuthentication'], sentryResourceRules),
  set(['sentryHost', 'alternativeNames', 'activeSync'], serverRules),
  set(['tls'], tlsRules),
  { sections: ['alternativeNames', 'balancers'], check: (settings) => configProblems(listenPart(settings)) },
  { sections: ['serverAuthentication'], check: (settings) => configProblems(oauthPart(settings)) },
  { sections: ['activeSync'], check: (settings) => configProblems(activeSyncPart(settings)) },
]

function set(sections: readonly (keyof StandaloneSentry)[], rules: Rules): RuleSet<StandaloneSentry> {
  return {
    sections,
    check: (settings) => {
      const problems: Problem[] = []
      rules(settings, (path, message) => problems.push({ path, message }))
      return problems
    },
  }
}

function nameRules({ name }: StandaloneSentry, report: Report): void {
  if (name === '') report('name', 'is empty; enter a name that tells it from others')
  if (/[\u0000-\u001f\u007f]/.test(name)) report('name', 'holds control characters; write it in one line')
}

function hostRules({ sentryHost, alternativeNames }: StandaloneSentry, report: Report): void {
  const fault = sentryHostFault(sentryHost)
  if (fault !== null) report('sentryHost', fault)
  const seen = new Set([sentryHost])
  alternativeNames.forEach((name, i) => {
    const wrong = name === '' ? 'is empty; leave it out' : sentryHostFault(name)
    if (wrong !== null) report(`alternativeNames[${i}]`, wrong)
    else if (seen.has(name)) report(`alternativeNames[${i}]`, `repeats ${quoted(name)}; name each host once`)
    seen.add(name)
  })
}

function deviceRules({ deviceAuthentication }: StandaloneSentry, report: Report): void {
  const { method, trustedRootIds, checkCrl } = deviceAuthentication
  if (method !== 'passThrough' && trustedRootIds.length === 0) {
    report('deviceAuthentication.trustedRootIds', 'is empty; choose the authority that issues the device certificates')
  }
  if (checkCrl && method === 'passThrough') {
    report('deviceAuthentication.checkCrl', 'is on, but with Pass Through no certificate is looked at; switch it off')
  }
  trustedRootIds.forEach((id, i) => {
    if (trustedRootIds.indexOf(id) < i)
      report(`deviceAuthentication.trustedRootIds[${i}]`, 'is there twice; choose it once')
  })
}

function balancerRules({ deviceAuthentication, balancers }: StandaloneSentry, report: Report): void {
  if (balancers.clientCertificateFrom.length > 0 && deviceAuthentication.method === 'passThrough') {
    const message =
      'names balancers that hand on device certificates, but with Pass Through none are asked for; take them out'
    report('balancers.clientCertificateFrom', message)
  }
  balancers.clientCertificateFrom.forEach((fingerprint, i) => {
    if (/^sha256:[0-9a-f]{64}$/.test(fingerprint)) return
    const message = `${quoted(fingerprint)} is no SHA-256 fingerprint; write 64 hexadecimal digits`
    report(`balancers.clientCertificateFrom[${i}]`, message)
  })
}

const ENDPOINTS = [
  { key: 'authorizationEndpoint', own: 'authorize', other: 'token' },
  { key: 'tokenEndpoint', own: 'token', other: 'authorize' },
] as const

function endpointRules({ serverAuthentication }: StandaloneSentry, report: Report): void {
  const { passThroughWithOAuth, destinationResource } = serverAuthentication
  if (!passThroughWithOAuth) {
    const message = 'is off, but Sentries let no phone in without a token; select it'
    report('serverAuthentication.passThroughWithOAuth', message)
  }
  for (const { key, own, other } of ENDPOINTS) {
    const fault = endpointFault(serverAuthentication[key], own, other)
    if (fault !== null) report(`serverAuthentication.${key}`, fault)
  }
  const fault = httpsFault(destinationResource, 'https://outlook.office365.com/')
  if (fault !== null) report('serverAuthentication.destinationResource', fault)
  const clouds = ENDPOINTS.map(({ key }) => cloudOfUrl(serverAuthentication[key]))
  if (clouds[0] !== null && clouds[1] !== null && clouds[0] !== clouds[1]) {
    const message = `belongs to ${clouds[1] ?? ''}, the authorization endpoint to ${clouds[0] ?? ''}; take both from one cloud`
    report('serverAuthentication.tokenEndpoint', message)
  }
}

function endpointFault(url: string, own: string, other: string): string | null {
  const example = `https://login.windows.net/common/oauth2/${own}`
  const fault = httpsFault(url, example)
  if (fault !== null) return fault
  const { pathname } = new URL(url)
  if (pathname.endsWith(`/${other}`))
    return `${quoted(url)} is the ${other} endpoint; write the one that ends in /${own}`
  if (pathname.includes('/oauth2/v2.0/')) {
    return `${quoted(url)} is of version 2.0; leave out /v2.0, the Sentry makes that address itself for phones that use it`
  }
  if (!pathname.includes('/oauth2/')) return `${quoted(url)} must have /oauth2/ in its path, like ${example}`
  return null
}

function cloudOfUrl(url: string): string | null {
  return URL.canParse(url) ? (cloudOfLoginHost(new URL(url).hostname)?.name ?? null) : null
}

function clientRules({ serverAuthentication }: StandaloneSentry, report: Report): void {
  const { clients, tenantIds } = serverAuthentication
  if (clients.length === 0) {
    report('serverAuthentication.clients', 'is empty, so nobody could sign in; add the applications that may')
  }
  clients.forEach((client, i) => {
    const path = `serverAuthentication.clients[${i}]`
    if (client.name === '') report(`${path}.name`, 'is empty; say which application it is')
    const wrong =
      client.clientId === ''
        ? 'is empty; its maker tells it'
        : placeholderFault(client.clientId, 'f8d98a96-0999-43f5-8af3-69971c7bb423')
    if (wrong !== null) report(`${path}.clientId`, wrong)
    else if (/\s/.test(client.clientId)) report(`${path}.clientId`, 'holds blanks; write the ID alone')
    if (client.redirectUris.length === 0) report(`${path}.redirectUris`, 'is empty; give where sign-ins go back to')
    client.redirectUris.forEach((uri, k) => {
      const fault = placeholderFault(uri, 'com.example.app://oauth')
      if (fault !== null) report(`${path}.redirectUris[${k}]`, fault)
    })
  })
  tenantIds.forEach((id, i) => {
    if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) return
    const message = `${quoted(id)} is no directory (tenant) ID; tokens name it as 8-4-4-4-12 hexadecimal digits, never as a domain`
    report(`serverAuthentication.tenantIds[${i}]`, message)
  })
}

function sentryResourceRules(settings: StandaloneSentry, report: Report): void {
  const { sentryHost, externalPort, serverAuthentication } = settings
  const { sentryResource } = serverAuthentication
  const expected = `https://${addressOf(sentryHost, externalPort)}`
  if (sentryResource === expected) return // what is wrong with the host is told there
  const path = 'serverAuthentication.sentryResource'
  const example = sentryHostFault(sentryHost) === null ? expected : 'https://sentry.example.com'
  const fault = httpsFault(sentryResource, example)
  if (fault !== null) report(path, fault)
  else if (!/^https:\/\/[^/]+$/.test(sentryResource))
    report(path, `${quoted(sentryResource)} has a path; write ${example}`)
  else if (sentryHostFault(sentryHost) === null && !sameResource(sentryResource, expected)) {
    report(path, `${quoted(sentryResource)} must name the Sentry Host; write ${expected}, or change the host`)
  }
}

function serverRules({ sentryHost, alternativeNames, activeSync }: StandaloneSentry, report: Report): void {
  const own = new Set([sentryHost, ...alternativeNames])
  activeSync.servers.forEach((server, i) => {
    const fault = serverFault(server)
    if (fault !== null) report(`activeSync.servers[${i}]`, fault)
    else if (own.has(server.replace(/:\d+$/, ''))) {
      report(`activeSync.servers[${i}]`, `${quoted(server)} is the Sentry itself; name the mail server behind it`)
    }
  })
  if (activeSync.versions?.length === 0) {
    report('activeSync.versions', 'names no version, so no phone could speak; choose some, or leave it empty for all')
  }
}

function tlsRules({ tls }: StandaloneSentry, report: Report): void {
  if (tls.reserveCertificateId === null) return
  if (tls.certificateId === null) {
    const message = 'is chosen, but no TLS Certificate is: Core renews its own, so none is needed; leave it empty'
    report('tls.reserveCertificateId', message)
  } else if (tls.certificateId === tls.reserveCertificateId) {
    report('tls.reserveCertificateId', 'is the TLS Certificate itself; choose another, or none')
  }
}

function configProblems(part: Partial<SentryConfigFile>): Problem[] {
  const sets = CONFIG_RULES.filter(({ sections }) => sections.every((name) => Object.hasOwn(part, name)))
  // A rule set looks at nothing but its sections, which are there.
  return sets.flatMap((rules) => rules.check(part as SentryConfigFile)).flatMap(inFormTerms)
}

function inFormTerms({ path, message }: Problem): Problem[] {
  const row = FORM_PATHS.find(([prefix]) => path.startsWith(prefix))
  return row === undefined ? [] : [{ path: row[1] + path.slice(row[0].length), message }]
}

const FORM_PATHS = [
  ['listen.names', 'alternativeNames'],
  ['listen.proxyProtocolFrom', 'balancers.proxyProtocolFrom'],
  ['oauth.', 'serverAuthentication.'],
  ['activeSync.', 'activeSync.'],
] as const

// Files and addresses of the machine are not an administrator's: anything that holds stands in for them.
function listenPart({ alternativeNames, balancers }: StandaloneSentry): Partial<SentryConfigFile> {
  return {
    listen: { host: '0.0.0.0', port: 8443, names: alternativeNames, proxyProtocolFrom: balancers.proxyProtocolFrom },
    local: { host: '127.0.0.1', port: 9464 },
    deviceCertificate: { onActiveSync: 'off', onOAuth: 'off' },
    tls: { certFile: 'cert', keyFile: 'key', deviceCaFiles: [], crlFiles: [], minVersion: 'TLSv1.2' },
  }
}

function oauthPart({ serverAuthentication }: StandaloneSentry): Partial<SentryConfigFile> {
  const { authorizationEndpoint, tokenEndpoint, sentryResource, destinationResource, clients } = serverAuthentication
  return { oauth: { authorizationEndpoint, tokenEndpoint, sentryResource, destinationResource, clients } }
}

function activeSyncPart({ activeSync }: StandaloneSentry): Partial<SentryConfigFile> {
  const { servers, scheduling, redirectHosts } = activeSync
  return { activeSync: { servers, scheduling, redirectHosts } }
}
