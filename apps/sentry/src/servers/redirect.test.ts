import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { isExactlyListed, redirectTarget } from './redirect.ts'
import type { RedirectRefusal } from './redirect.ts'

const EAS = '/Microsoft-Server-ActiveSync'
const RULES = {
  redirectHosts: ['*.outlook.com', 'outlook.office365.com', 'mail.corp.test:8443', '*.lab.test:9443'],
  labHosts: new Set<string>(),
}

describe('T35 T37 redirects that are not followed', () => {
  const rejects: { location: string; reason: RedirectRefusal }[] = [
    { location: `http://outlook.office365.com${EAS}`, reason: 'NOT_HTTPS' },
    { location: `ftp://outlook.office365.com${EAS}`, reason: 'NOT_HTTPS' },
    { location: `https://evil.test${EAS}`, reason: 'HOST_NOT_LISTED' },
    { location: `https://evil.test:8443${EAS}`, reason: 'HOST_NOT_LISTED' },
    { location: `https://169.254.169.254${EAS}`, reason: 'IP_LITERAL' },
    { location: `https://2852039166${EAS}`, reason: 'IP_LITERAL' },
    { location: `https://0xa9fea9fe${EAS}`, reason: 'IP_LITERAL' },
    { location: `https://0x${EAS}`, reason: 'IP_LITERAL' },
    { location: `https://169.254.43518${EAS}`, reason: 'IP_LITERAL' },
    { location: `https://outlook.com.0x7f${EAS}`, reason: 'IP_LITERAL' },
    { location: `https://[::1]${EAS}`, reason: 'IP_LITERAL' },
    { location: `https://[::ffff:10.0.0.1]:443${EAS}`, reason: 'IP_LITERAL' },
    { location: `https://outlook.office365.com:8443${EAS}`, reason: 'PORT' },
    { location: `https://mail.corp.test${EAS}`, reason: 'PORT' },
    { location: `https://user@outlook.office365.com${EAS}`, reason: 'USERINFO' },
    { location: `https://outlook.office365.com@evil.test${EAS}`, reason: 'USERINFO' },
    { location: `https://outlook.office365.com:443@evil.test${EAS}`, reason: 'USERINFO' },
    { location: `https://outlook-cba.office365.com${EAS}`, reason: 'CBA_HOST' },
    { location: `https://OUTLOOK-CBA.office365.com${EAS}`, reason: 'CBA_HOST' },
    { location: `https://outlook-dod-cba.office365.us${EAS}`, reason: 'CBA_HOST' },
    { location: `https://outlook-cba.partner.outlook.cn${EAS}`, reason: 'CBA_HOST' },
    { location: `https://x-cba.outlook.com${EAS}`, reason: 'CBA_HOST' },
    { location: `https://outlook.com${EAS}`, reason: 'HOST_NOT_LISTED' },
    { location: `https://evil-outlook.com${EAS}`, reason: 'HOST_NOT_LISTED' },
    { location: `https://outlook.office365.com.evil.test${EAS}`, reason: 'HOST_NOT_LISTED' },
    { location: `https://a.outlook.office365.com${EAS}`, reason: 'HOST_NOT_LISTED' },
    { location: `https://a.outlook.com.${EAS}`, reason: 'MALFORMED' },
    { location: `https://.outlook.com${EAS}`, reason: 'MALFORMED' },
    { location: `https://a..outlook.com${EAS}`, reason: 'MALFORMED' },
    { location: `https://evil.test%2f.outlook.com${EAS}`, reason: 'MALFORMED' },
    { location: `https://evil.test\\.outlook.com${EAS}`, reason: 'MALFORMED' },
    { location: `https:\\\\outlook.office365.com${EAS}`, reason: 'MALFORMED' },
    { location: `https://out\tlook.office365.com${EAS}`, reason: 'MALFORMED' },
    { location: `https://outlook.office365.com${EAS}\r\nA: b`, reason: 'MALFORMED' },
    { location: ` https://outlook.office365.com${EAS}`, reason: 'MALFORMED' },
    { location: `https://outlook\u3002office365.com${EAS}`, reason: 'MALFORMED' },
    { location: `https:outlook.office365.com${EAS}`, reason: 'MALFORMED' },
    { location: `//outlook.office365.com${EAS}`, reason: 'MALFORMED' },
    { location: EAS, reason: 'MALFORMED' },
    { location: '', reason: 'MALFORMED' },
    { location: 'https://', reason: 'MALFORMED' },
    { location: `https://outlook.office365.com:${EAS}`, reason: 'MALFORMED' },
    { location: `https://outlook.office365.com:0${EAS}`, reason: 'MALFORMED' },
    { location: `https://outlook.office365.com:65536${EAS}`, reason: 'MALFORMED' },
    { location: `https://outlook.office365.com:443:443${EAS}`, reason: 'MALFORMED' },
    { location: `https://outlook.office365.com:+443${EAS}`, reason: 'MALFORMED' },
    { location: `https://outlook.office365.com${EAS}?${'a'.repeat(2_048)}`, reason: 'MALFORMED' },
    { location: 'https://outlook.office365.com', reason: 'PATH' },
    { location: 'https://outlook.office365.com/EWS/Exchange.asmx', reason: 'PATH' },
    { location: `https://outlook.office365.com${EAS}/../EWS`, reason: 'PATH' },
    { location: `https://outlook.office365.com${EAS}#x`, reason: 'PATH' },
    { location: `https://outlook.office365.com${EAS}?a#x`, reason: 'PATH' },
    { location: `https://outlook.office365.com?${EAS}`, reason: 'PATH' },
  ]
  for (const { location, reason } of rejects)
    test(`${reason} ${JSON.stringify(location.slice(0, 80))}`, () => {
      assert.deepEqual(redirectTarget(location, RULES), { ok: false, reason })
    })
})

describe('T34 redirects that are followed', () => {
  const accepts: { location: string; host: string; port: number }[] = [
    { location: `https://outlook.office365.com${EAS}`, host: 'outlook.office365.com', port: 443 },
    { location: `HTTPS://Outlook.Office365.COM:443${EAS.toUpperCase()}/`, host: 'outlook.office365.com', port: 443 },
    { location: `https://eur.outlook.com${EAS}?Cmd=Sync`, host: 'eur.outlook.com', port: 443 },
    { location: `https://a.b.outlook.com${EAS}`, host: 'a.b.outlook.com', port: 443 },
    { location: `https://mail.corp.test:8443${EAS}`, host: 'mail.corp.test', port: 8_443 },
    { location: `https://x.lab.test:9443${EAS}`, host: 'x.lab.test', port: 9_443 },
  ]
  for (const { location, host, port } of accepts)
    test(location, () => {
      assert.deepEqual(redirectTarget(location, RULES), { ok: true, target: { host, port } })
    })

  test('what is followed is what a URL library understands too', () => {
    const part = fc.constantFrom(
      'https://',
      'outlook.office365.com',
      'a.',
      'outlook.com',
      ':443',
      ':8443',
      EAS,
      '/',
      '@',
      '?',
      '#',
      '%',
      '.',
      'evil.test',
      '1',
    )
    fc.assert(
      fc.property(fc.array(part, { maxLength: 7 }), (parts) => {
        const location = parts.join('')
        const decision = redirectTarget(location, RULES)
        if (!decision.ok) return
        const url = new URL(location)
        assert.equal(url.hostname, decision.target.host)
        assert.equal(Number(url.port === '' ? 443 : url.port), decision.target.port)
        assert.equal(url.username, '')
      }),
      { numRuns: 3_000 },
    )
  })

  test('only an entry without a wildcard names a host exactly', () => {
    assert.equal(isExactlyListed('Mail.Corp.test', RULES.redirectHosts), true)
    assert.equal(isExactlyListed('eur.outlook.com', RULES.redirectHosts), false)
    assert.equal(isExactlyListed('evil.test', RULES.redirectHosts), false)
  })
})
