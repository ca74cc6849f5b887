/**
 * The ground a lab's Sentries stand on: CAs, devices with certificates, the stand-ins, and names that find them.
 * @module
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createCa } from './ca.ts'
import type { Issued, TestCa } from './ca.ts'
import { startEntra } from './entra/entra.ts'
import type { EntraClient, EntraStandIn } from './entra/entra.ts'
import { startExchange } from './exchange/exchange.ts'
import type { ExchangeOptions, ExchangeStandIn } from './exchange/exchange.ts'
import { CLIENTS, DESTINATION_RESOURCE, DEVICE_ROWS, ENTRA_NAMES, EXCHANGE_NAMES, PEOPLE } from './lab-config.ts'
import type { DeviceName, LabDevice } from './lab-config.ts'
import { LabNet } from './lab-net.ts'

/** Everything that runs before the first Sentry. */
export interface Grounds {
  net: LabNet
  /** Issued every server's certificate. */
  serverCa: TestCa
  /** Issued every device's certificate. */
  deviceCa: TestCa
  exchange: ExchangeStandIn
  entra: EntraStandIn
  devices: Record<DeviceName, LabDevice>
}

/** How the stand-ins differ from their usual behaviour. */
export interface GroundWishes {
  exchange?: Partial<ExchangeOptions>
  clients?: readonly EntraClient[]
}

/** Starts the stand-ins; `owned` gets what must be closed. */
export async function layGrounds(wishes: GroundWishes, owned: AsyncDisposableStack): Promise<Grounds> {
  const [serverCa, deviceCa] = await Promise.all([
    createCa({ commonName: 'Lab Server CA' }),
    createCa({ commonName: 'Lab Device CA' }),
  ])
  const [exchange, entra, devices] = await Promise.all([
    raiseExchange(serverCa, wishes.exchange ?? {}),
    raiseEntra(serverCa, wishes.clients ?? []),
    issueDevices(deviceCa),
  ])
  owned.defer(() => exchange.close())
  owned.defer(() => entra.close())
  const net = new LabNet([serverCa.certPem])
  mapNames(net, EXCHANGE_NAMES, exchange.port)
  mapNames(net, ENTRA_NAMES, entra.port)
  return { net, serverCa, deviceCa, exchange, entra, devices }
}

/** Writes the files that a Sentry's configuration names: CAs, its certificate and key. */
export async function writeCertificates(dir: string, grounds: Grounds, server: Issued): Promise<void> {
  const files = {
    'sentry.crt': server.certPem,
    'sentry.key': server.keyPem,
    'device-ca.crt': grounds.deviceCa.certPem,
    'server-ca.crt': grounds.serverCa.certPem,
  }
  await Promise.all(Object.entries(files).map(([name, pem]) => writeFile(join(dir, name), pem, { mode: 0o600 })))
}

async function raiseExchange(ca: TestCa, wishes: Partial<ExchangeOptions>): Promise<ExchangeStandIn> {
  const cert = await ca.issueServer({ names: EXCHANGE_NAMES })
  return startExchange({ cert, audience: DESTINATION_RESOURCE, ...wishes })
}

async function raiseEntra(ca: TestCa, moreClients: readonly EntraClient[]): Promise<EntraStandIn> {
  const cert = await ca.issueServer({ names: ENTRA_NAMES })
  return startEntra({ cert, users: PEOPLE, clients: [...CLIENTS, ...moreClients] })
}

async function issueDevices(ca: TestCa): Promise<Record<DeviceName, LabDevice>> {
  const entries = await Promise.all(
    DEVICE_ROWS.map(async (row) => {
      const deviceUri = `urn:postern:device:${row.id}`
      const identity = await ca.issueDevice({ upn: row.user, deviceUri, commonName: row.id })
      return [row.id, { ...row, identity }] as const
    }),
  )
  return Object.fromEntries(entries) as Record<DeviceName, LabDevice>
}

/** Names are found on the stand-in's own port, and on 443 as in the world outside. */
function mapNames(net: LabNet, names: readonly string[], port: number): void {
  for (const name of names) {
    net.map(`${name}:443`, '127.0.0.1', port)
    net.map(`${name}:${String(port)}`, '127.0.0.1', port)
  }
}
