/**
 * Trust that is older than it looks.
 * @module
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { connect as connectTcp } from 'node:net'
import { join } from 'node:path'
import { Duplex } from 'node:stream'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { createCa } from '@postern/harness/ca'
import { type ConfigFile, startLab } from '@postern/harness/lab'
import { changeAndHangUp } from './support/observe.ts'
import { rawHead } from './support/raw-request.ts'

test('handshake-held-back-until-its-authority-is-gone: it comes too late', async () => {
  await using lab = await startLab({ exchange: { requirePolicy: false } })
  const device = lab.devices['ann-phone']
  const tcp = connectTcp({ host: '127.0.0.1', port: lab.sentry.port })
  await once(tcp, 'connect')
  let release = (): void => undefined
  const released = new Promise<void>((resolve) => (release = resolve))
  let flights = 0
  // Lets the ClientHello through and keeps the certificate back.
  const held = new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _encoding, done) => {
      void (flights++ === 0 ? Promise.resolve() : released).then(() =>
        tcp.write(chunk, () => {
          done()
        }),
      )
    },
  })
  tcp.on('data', (chunk: Buffer) => held.push(chunk))
  tcp.on('close', () => held.push(null))
  const { certPem: cert, keyPem: key } = device.identity
  const socket = connectTls({ socket: held, servername: lab.sentryName, ca: lab.net.ca, cert, key })
  socket.on('error', () => undefined)
  const answer = once(socket, 'data')
  await delay(300)
  await changeAndHangUp(lab.sentry, async () => {
    await writeFile(join(lab.dir, 'next-ca.crt'), (await createCa({ commonName: 'Next' })).certPem)
    const tls = { ...(lab.config['tls'] as ConfigFile), deviceCaFiles: ['next-ca.crt'] }
    await lab.sentry.writeConfig({ ...lab.config, tls })
  })
  socket.write(await rawHead(lab, device))
  release()
  const [bytes] = (await answer) as [Buffer]
  assert.match(bytes.toString('latin1'), /^HTTP\/1\.1 403 /)
  assert.equal(lab.exchange.received.length, 0)
  socket.destroy()
  tcp.destroy()
})

test('only-the-issuing-authority-is-listed: its devices pass, those of its root do not', async () => {
  await using lab = await startLab({ exchange: { requirePolicy: false } })
  const device = lab.devices['ann-phone']
  const issuing = await lab.deviceCa.issueIntermediate('Issuing')
  const identity = await issuing.issueDevice({})
  await lab.policy.publish((draft) => {
    for (const each of draft.devices) if (each.id === device.id) each.certificates.push(identity.fingerprint)
  })
  await changeAndHangUp(lab.sentry, async () => {
    await writeFile(join(lab.dir, 'issuing.crt'), issuing.certPem)
    const tls = { ...(lab.config['tls'] as ConfigFile), deviceCaFiles: ['issuing.crt'] }
    await lab.sentry.writeConfig({ ...lab.config, tls })
  })
  assert.equal((await lab.eas(device, { identity })).status, 200)
  assert.equal((await lab.eas(device)).status, 403)
})
