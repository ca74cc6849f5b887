import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { startLab } from '@postern/harness/lab'
import type { Lab } from '@postern/harness/lab'
import { rawHead } from './support/raw-request.ts'

const SECOND = 'mail.example.com'

describe('ALPN and names', () => {
  let lab: Lab
  before(async () => {
    lab = await startLab({ config: { listen: { names: [SECOND] } } })
  })
  after(() => lab[Symbol.asyncDispose]())

  for (const [title, alpn] of [
    ['h2 before http/1.1', ['h2', 'http/1.1']],
    ['http/1.1 before h2', ['http/1.1', 'h2']],
    ['h3, h2 and http/1.1', ['h3', 'h2', 'http/1.1']],
    ['http/1.1 alone', ['http/1.1']],
  ] as const) {
    test(`T109 ALPN ${title} is offered: http/1.1 is selected and spoken`, async () => {
      await using client = await lab.raw(lab.devices['ann-phone'], { alpn: [...alpn] })
      assert.equal(client.alpn, 'http/1.1')
      await client.send(await rawHead(lab, lab.devices['ann-phone']))
      assert.equal((await client.readResponse()).status, 200)
    })
  }

  test('T109 without ALPN http/1.1 is spoken', async () => {
    await using client = await lab.raw(lab.devices['ann-phone'])
    assert.equal(client.alpn, null)
    await client.send(await rawHead(lab, lab.devices['ann-phone']))
    assert.equal((await client.readResponse()).status, 200)
  })

  test('T109 h2 alone is offered: no connection, or none that speaks it', async () => {
    const client = await lab.raw(lab.devices['ann-phone'], { alpn: ['h2'] }).catch(() => null)
    if (client === null) return
    assert.notEqual(client.alpn, 'h2')
    await client[Symbol.asyncDispose]()
  })

  for (const [title, servername, host] of [
    ['a connection made for one of our names, used for the other', undefined, SECOND],
    ['the same the other way round', SECOND, undefined],
    ['a connection made for our name, used for the mail server', undefined, 'outlook.office365.com'],
    ['a name that only begins like ours', undefined, 'sentry.example.com.evil.example'],
    ['a connection made for a foreign name', 'outlook.office365.com', undefined],
  ] as const) {
    test(`T109 ${title}: 421`, async () => {
      const count = lab.exchange.receivedCount
      const device = lab.devices['ann-phone']
      await using client = await lab.raw(device, servername === undefined ? {} : { servername })
      await client.send(await rawHead(lab, device, host === undefined ? {} : { host }))
      assert.equal((await client.readResponse()).status, 421)
      assert.equal(lab.exchange.receivedCount, count)
    })
  }

  for (const [title, servername, host] of [
    ['a second name is served under itself', SECOND, SECOND],
    ['with a port', SECOND, `${SECOND}:8443`],
    ['in capitals', undefined, 'SENTRY.EXAMPLE.COM'],
  ] as const) {
    test(`T109 ${title}`, async () => {
      const device = lab.devices['ann-phone']
      await using client = await lab.raw(device, servername === undefined ? {} : { servername })
      await client.send(await rawHead(lab, device, { host }))
      assert.equal((await client.readResponse()).status, 200)
    })
  }
})
