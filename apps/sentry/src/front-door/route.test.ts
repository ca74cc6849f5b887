import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readTarget, type Route } from './route.ts'

describe('paths that are not served', () => {
  const rejects: readonly (readonly [title: string, target: string])[] = [
    ['T11 dot segments', '/Microsoft-Server-ActiveSync/../EWS/Exchange.asmx'],
    ['T11 escaped dot segments', '/Microsoft-Server-ActiveSync/%2e%2e/EWS/Exchange.asmx'],
    ['T11 an escaped letter', '/%4dicrosoft-Server-ActiveSync'],
    ['T11 an escaped slash', '/Microsoft-Server-ActiveSync%2f..%2fowa'],
    ['T12 EWS', '/EWS/Exchange.asmx'],
    ['T12 OWA', '/owa/'],
    ['T12 MAPI', '/mapi/'],
    ['T12 PowerShell', '/powershell'],
    ['T12 REST', '/api/v2.0/me'],
    ['T13 double slash', '//Microsoft-Server-ActiveSync'],
    ['T13 double slash behind', '/Microsoft-Server-ActiveSync//'],
    ['T13 path parameter', '/Microsoft-Server-ActiveSync;x'],
    ['T13 backslash', '\\Microsoft-Server-ActiveSync'],
    ['T13 backslash behind', '/Microsoft-Server-ActiveSync\\'],
    ['T13 NUL', '/Microsoft-Server-ActiveSync%00'],
    ['T13 fragment', '/Microsoft-Server-ActiveSync#frag'],
    ['T14 absolute form', 'https://outlook.office365.com/Microsoft-Server-ActiveSync'],
    ['a letter that only Unicode folds to an ASCII one', '/Microsoft-Server-ActiveSync'.replace('S', '\u017f')],
    ['something behind the path', '/Microsoft-Server-ActiveSync/x'],
    ['a prefix of the path', '/Microsoft-Server-ActiveSyn'],
    ['nothing', ''],
    ['the root', '/'],
    ['an asterisk', '*'],
    ['OAuth paths keep their case', '/proxyservice/OAuth2/authorize'],
    ['OAuth paths take no slash behind', '/proxyservice/oauth2/token/'],
    ['v2.0 before oauth2', '/proxyservice/v2.0/oauth2/token'],
    ['a folder of OAuth', '/proxyservice/oauth2/'],
    ['another document beside the metadata', '/proxyservice/.well-known/jwks'],
    ['metadata of the root', '/.well-known/openid-configuration'],
    ['management', '/metrics'],
    ['health', '/healthz'],
    ['Autodiscover, switched off', '/autodiscover/autodiscover.xml'],
    ['Autodiscover version 2, switched off', '/autodiscover/autodiscover.json'],
    ['the name of a property that every object has', '__proto__'],
  ]
  for (const [title, target] of rejects) test(title, () => assert.equal(readTarget(target, false).route, null))
  const off: readonly string[] = [
    '/AutoDiscover/AutoDiscover.xml',
    '/autodiscover/autodiscover.xml/',
    '/autodiscover/autodiscover.json/v1.0/a@b/c',
    '/autodiscover/autodiscover.json/v2.0/a@b',
  ]
  for (const target of off) test(`${target}, switched on`, () => assert.equal(readTarget(target, true).route, null))
})

describe('paths that are served', () => {
  const accepts: readonly (readonly [target: string, route: Route])[] = [
    ['/Microsoft-Server-ActiveSync', { kind: 'activesync' }],
    ['/Microsoft-Server-ActiveSync/', { kind: 'activesync' }],
    ['/microsoft-server-activesync', { kind: 'activesync' }],
    ['/MICROSOFT-SERVER-ACTIVESYNC/', { kind: 'activesync' }],
    ['/proxyservice/oauth2/authorize', { kind: 'authorize', api: 'v1' }],
    ['/proxyservice/oauth2/token', { kind: 'token', api: 'v1' }],
    ['/proxyservice/oauth2/v2.0/authorize', { kind: 'authorize', api: 'v2' }],
    ['/proxyservice/oauth2/v2.0/token', { kind: 'token', api: 'v2' }],
    ['/proxyservice/.well-known/openid-configuration', { kind: 'metadata', api: 'v1' }],
    ['/proxyservice/v2.0/.well-known/openid-configuration', { kind: 'metadata', api: 'v2' }],
    ['/common/discovery/instance', { kind: 'instance-discovery' }],
  ]
  for (const [target, route] of accepts)
    test(target, () => {
      assert.deepEqual(readTarget(target, false), { route, query: null })
      assert.deepEqual(readTarget(`${target}?`, false), { route, query: '' })
      assert.deepEqual(readTarget(`${target}?a=b?c#d%3F`, true), { route, query: 'a=b?c#d%3F' })
    })
  const discovery: readonly (readonly [target: string, kind: string])[] = [
    ['/autodiscover/autodiscover.xml', 'autodiscover-xml'],
    ['/Autodiscover/Autodiscover.xml', 'autodiscover-xml'],
    ['/autodiscover/autodiscover.json', 'autodiscover-json'],
    ['/autodiscover/autodiscover.json/v1.0/ann@example.com', 'autodiscover-json'],
  ]
  for (const [target, kind] of discovery)
    test(`${target}, switched on`, () => assert.equal(readTarget(target, true).route?.kind, kind))
})
