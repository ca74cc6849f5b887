/**
 * Rules of the configuration that no schema can say: fields that must fit each other, URLs, host names.
 * @module
 */
import { isIpAddress, parseLabAddress } from './lab-address.ts'
import type { Problem, RuleSet } from './problems.ts'
import type { SentryConfigFile } from './sentry-config-file.ts'

type Report = (path: string, message: string) => void

/** Every rule beyond the schema, with the sections that it looks at. */
export const CONFIG_RULES: readonly RuleSet<SentryConfigFile>[] = [
  { sections: ['listen', 'local', 'deviceCertificate', 'tls'], check: reported(listenRules) },
  { sections: ['oauth'], check: reported(oauthRules) },
  { sections: ['activeSync'], check: reported(activeSyncRules) },
  { sections: ['hosts', 'lab'], check: reported(labRules) },
]

function reported(rules: (config: SentryConfigFile, report: Report) => void): (config: SentryConfigFile) => Problem[] {
  return (config) => {
    const problems: Problem[] = []
    rules(config, (path, message) => problems.push({ path, message }))
    return problems
  }
}

function listenRules(config: SentryConfigFile, report: Report): void {
  const { listen, local, deviceCertificate, tls } = config
  if (!isIpAddress(listen.host) && (!isHostName(listen.host) || /^[\d.]+$/.test(listen.host))) {
    report('listen.host', `${quoted(listen.host)} is no IP address and no host name`)
  }
  ;(listen.names ?? []).forEach((name, i) => {
    if (!isHostName(name) && !isIpAddress(name)) {
      report(`listen.names[${i}]`, `${quoted(name)} is no host name; write it without scheme, port or path`)
    }
  })
  ;(listen.proxyProtocolFrom ?? []).forEach((block, i) => {
    const [address = '', prefix, ...rest] = block.split('/')
    const bits = address.includes(':') ? 128 : 32
    const length = prefix === undefined ? bits : wholeNumber(prefix)
    if (!isIpAddress(address) || rest.length > 0 || length === null || length > bits) {
      report(`listen.proxyProtocolFrom[${i}]`, `${quoted(block)} is no address or CIDR block such as 10.0.0.0/24`)
    }
  })
  if (!isLoopback(local.host)) {
    report(
      'local.host',
      `${quoted(local.host)} is no loopback address; metrics carry no log-in, so use 127.0.0.1 or ::1`,
    )
  }
  if (local.port !== 0 && local.port === listen.port) {
    report('local.port', 'must differ from listen.port: nothing of the local listener may be served to devices')
  }
  const asks = deviceCertificate.onActiveSync !== 'off' || deviceCertificate.onOAuth !== 'off'
  if (asks && tls.deviceCaFiles.length === 0) {
    report('tls.deviceCaFiles', 'must name at least one CA while deviceCertificate asks for certificates')
  }
}

function oauthRules(config: SentryConfigFile, report: Report): void {
  const { oauth } = config
  for (const key of ['authorizationEndpoint', 'tokenEndpoint'] as const) {
    const url = httpsUrl(oauth[key])
    if (url === null) {
      report(`oauth.${key}`, `${quoted(oauth[key])} must be an https URL without user, query or fragment`)
    } else if (!url.pathname.includes('/oauth2/')) {
      report(`oauth.${key}`, `${quoted(oauth[key])} must have /oauth2/ in its path; the v2.0 endpoint is made from it`)
    }
  }
  const sentry = httpsUrl(oauth.sentryResource)
  if (sentry === null || sentry.pathname !== '/') {
    report(
      'oauth.sentryResource',
      `${quoted(oauth.sentryResource)} must be an https origin such as https://sentry.example.com`,
    )
  }
  const destination = httpsUrl(oauth.destinationResource)
  if (destination === null) {
    report(
      'oauth.destinationResource',
      `${quoted(oauth.destinationResource)} must be an https URL such as https://outlook.office365.com/`,
    )
  } else if (sentry !== null && destination.host === sentry.host) {
    report('oauth.destinationResource', 'is the Sentry itself; name the mail service that tokens are for')
  }
  const seen = new Set<string>()
  oauth.clients.forEach((client, i) => {
    if (seen.has(client.clientId))
      report(`oauth.clients[${i}].clientId`, `repeats ${quoted(client.clientId)}; join the two`)
    seen.add(client.clientId)
    client.redirectUris.forEach((uri, k) => {
      if (!isRedirectUri(uri)) {
        const message = `${quoted(uri)} must be an absolute URI without fragment, of the app's own scheme, https, or http to localhost`
        report(`oauth.clients[${i}].redirectUris[${k}]`, message)
      }
    })
  })
}

function activeSyncRules(config: SentryConfigFile, report: Report): void {
  const seen = new Set<string>()
  config.activeSync.servers.forEach((server, i) => {
    const key = server.toLowerCase()
    if (!isHostPort(server, false)) {
      report(`activeSync.servers[${i}]`, `${quoted(server)} must be host or host:port, without scheme or path`)
    } else if (seen.has(key)) {
      report(`activeSync.servers[${i}]`, `repeats ${quoted(server)}; name each server once`)
    }
    seen.add(key)
  })
  config.activeSync.redirectHosts.forEach((host, i) => {
    if (!isHostPort(host, true)) {
      report(`activeSync.redirectHosts[${i}]`, `${quoted(host)} must be a host name, *.domain, or either with a port`)
    }
  })
}

function labRules(config: SentryConfigFile, report: Report): void {
  if (config.hosts === undefined) return
  if (config.lab !== true) {
    report('hosts', 'is for laboratories only; take it out, or say "lab": true at the top level')
  }
  for (const [name, address] of Object.entries(config.hosts)) {
    if (!isHostName(name)) report('hosts', `${quoted(name)} is no host name`)
    if (parseLabAddress(address) === null) {
      report(`hosts.${name}`, `${quoted(address)} is no IP address, nor one with a port such as 127.0.0.1:20443`)
    }
  }
}

function httpsUrl(text: string): URL | null {
  if (!URL.canParse(text)) return null
  const url = new URL(text)
  const bare = url.username === '' && url.password === '' && url.search === '' && url.hash === ''
  return url.protocol === 'https:' && bare && !text.includes('?') && !text.includes('#') ? url : null
}

const SCRIPT_SCHEMES = new Set(['javascript:', 'data:', 'vbscript:', 'file:', 'blob:'])
const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]'])

function isRedirectUri(text: string): boolean {
  if (!URL.canParse(text) || text.includes('#')) return false
  const { protocol, hostname } = new URL(text)
  // A desktop app listens on its own machine, where there is no certificate (RFC 8252, 7.3).
  return protocol === 'http:' ? LOOPBACK.has(hostname) : !SCRIPT_SCHEMES.has(protocol)
}

function isHostPort(text: string, wildcard: boolean): boolean {
  const colon = text.lastIndexOf(':')
  const host = colon < 0 ? text : text.slice(0, colon)
  const port = colon < 0 ? 443 : wholeNumber(text.slice(colon + 1))
  if (port === null || port < 1 || port > 65_535) return false
  if (!wildcard || !host.startsWith('*.')) return isHostName(host)
  return isHostName(host.slice(2)) && host.slice(2).includes('.') // not every name of a top-level domain
}

function wholeNumber(text: string): number | null {
  return /^\d{1,5}$/.test(text) ? Number(text) : null
}

function isHostName(text: string): boolean {
  return (
    text.length <= 253 &&
    text.split('.').every((label) => /^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/.test(label))
  )
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIpAddress(host) && host.startsWith('127.'))
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 200))
}
