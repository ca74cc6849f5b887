/**
 * Protocol document 9.1, T11 to T13: paths that another program would read as something else (A4, A5).
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Lab, type LabDevice, startLab } from '@postern/harness/lab'
import { assertRefused, converse, EAS, folderSyncQuery, wireRequest } from './support/wire.ts'

let lab: Lab
let device: LabDevice

before(async () => {
  lab = await startLab({ exchange: { requirePolicy: false } })
  device = lab.devices['ann-phone']
})

after(() => lab[Symbol.asyncDispose]())

const CONFUSED = [
  `${EAS}/../EWS/Exchange.asmx`,
  `${EAS}/..`,
  `${EAS}/.`,
  `${EAS}/../Microsoft-Server-ActiveSync`,
  '/./Microsoft-Server-ActiveSync',
  '/x/../Microsoft-Server-ActiveSync',
  '/%4dicrosoft-Server-ActiveSync',
  '/%4Dicrosoft-Server-ActiveSync',
  '/Microsoft%2DServer-ActiveSync',
  '/Microsoft%252DServer-ActiveSync',
  `${EAS}%2f..%2fowa`,
  `${EAS}%2e%2e`,
  `${EAS}/%2e%2e/owa`,
  `${EAS}%2f`,
  `${EAS}/default.eas`,
  `${EAS}/proxy`,
]

const OTHER_SERVICES = [
  '/EWS/Exchange.asmx',
  '/ews/exchange.asmx',
  '/owa/',
  '/owa',
  '/ecp/',
  '/mapi/',
  '/mapi/emsmdb',
  '/rpc/rpcproxy.dll',
  '/powershell',
  '/OAB/',
  '/api/v2.0/me',
  '/v1.0/me',
  '/autodiscover/autodiscover.xml',
  '/',
  '/proxyservice',
  '/proxyservice/',
  '/proxyservice/oauth2/authorize/',
  '/ProxyService/oauth2/token',
  '/proxyservice/oauth2/../oauth2/token',
  '/proxyservice/oauth2/%74oken',
  '/proxyservice/oauth2//token',
  '/common/oauth2/token',
  '/metrics',
  '/healthz',
]

const ODD = [
  '//Microsoft-Server-ActiveSync',
  '///Microsoft-Server-ActiveSync',
  `${EAS}//`,
  `${EAS};x`,
  `${EAS};x=y`,
  '/;/Microsoft-Server-ActiveSync',
  '/\\Microsoft-Server-ActiveSync',
  '\\Microsoft-Server-ActiveSync',
  `${EAS}\\..\\owa`,
  `${EAS}\\`,
  `${EAS}%00`,
  `${EAS}%00.eas`,
  `${EAS}#frag`,
  `${EAS}%23frag`,
  `${EAS}%20`,
  `${EAS}+`,
  `${EAS}.`,
  `${EAS}:x`,
  `${EAS}&Cmd=Sync`,
  `${EAS}%3fCmd=Sync`,
  // A Kelvin sign and a long s fold to k and s in Unicode; here as their UTF-8 bytes.
  '/Micro\xc5\xbfoft-Server-ActiveSync',
]

describe('T11 to T13 paths', { concurrency: true }, () => {
  const rows: [row: string, paths: string[], statuses: number[]][] = [
    ['T11', CONFUSED, [404]],
    ['T12', OTHER_SERVICES, [404]],
    ['T13', ODD, [404, 400]],
  ]
  for (const [row, paths, statuses] of rows) {
    for (const path of paths) {
      test(`${row} ${JSON.stringify(path)}: ${statuses.join(' or ')}, UP=0`, async () => {
        const target = `${path}?${folderSyncQuery(device)}`
        await assertRefused(lab, device, wireRequest(lab, device, { target }), statuses)
      })
    }
  }

  for (const path of ['/EWS/Exchange.asmx', '/owa/', '/powershell', `${EAS}/../EWS/Exchange.asmx`]) {
    const row = path.startsWith(EAS) ? 'T11' : 'T12'
    for (const method of ['GET', 'OPTIONS']) {
      test(`${row} ${method} ${path}: 404, UP=0`, async () => {
        const request = { method, target: path, framing: [], body: '' }
        await assertRefused(lab, device, wireRequest(lab, device, request), [404])
      })
    }
  }
})

describe('T13 the spellings of the one path', () => {
  for (const path of [EAS, '/microsoft-server-activesync', '/MICROSOFT-SERVER-ACTIVESYNC', `${EAS}/`]) {
    test(`T13 ${path}: passes, and the server is sent the canonical one`, async () => {
      const before = lab.exchange.receivedCount
      const target = `${path}?${folderSyncQuery(device)}`
      const { responses } = await converse(lab, device, wireRequest(lab, device, { target }))
      assert.equal(responses[0]?.status, 200)
      const received = lab.exchange.received.slice(before).map((request) => request.target)
      assert.deepEqual(received, [
        `${EAS}?Cmd=FolderSync&User=ann%40example.com&DeviceId=ANNPHONE0001&DeviceType=iPhone`,
      ])
    })
  }
})
