/**
 * PROXY protocol version 2 in front of TLS: the address of the device, from a balancer that the configuration names.
 *
 * Document: HAProxy's proxy-protocol.txt, 2.2. Input is untrusted; only addresses are read.
 * @module
 */
import { BlockList, isIP, type Socket } from 'node:net'

const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex')
const FIXED_BYTES = 16
/** Longest header body accepted, TLVs included (6.4). Bytes. */
const MAX_BODY = 4_096
const VERSION_2 = 0x2
const IPV4_BYTES = 12
const IPV6_BYTES = 36

/** `remote` null: the balancer speaks for itself (LOCAL, a health check). `length`: bytes of the whole header. */
export type ProxyHeader =
  | { readonly kind: 'header'; readonly length: number; readonly remote: string | null }
  | { readonly kind: 'more' }
  | { readonly kind: 'bad' }

/** Reads the header at the start of `bytes`. Pure. */
export function decodeProxyHeader(bytes: Buffer): ProxyHeader {
  const seen = Math.min(bytes.length, SIGNATURE.length)
  if (!bytes.subarray(0, seen).equals(SIGNATURE.subarray(0, seen))) return { kind: 'bad' }
  if (bytes.length < FIXED_BYTES) return { kind: 'more' }
  const versionAndCommand = bytes.readUInt8(12)
  const command = versionAndCommand & 0x0f
  if (versionAndCommand >> 4 !== VERSION_2 || command > 1) return { kind: 'bad' }
  const bodyLength = bytes.readUInt16BE(14)
  if (bodyLength > MAX_BODY) return { kind: 'bad' }
  const length = FIXED_BYTES + bodyLength
  if (bytes.length < length) return { kind: 'more' }
  if (command === 0) return { kind: 'header', length, remote: null }
  return addressed(bytes.readUInt8(13), bytes.subarray(FIXED_BYTES, length), length)
}

function addressed(family: number, body: Buffer, length: number): ProxyHeader {
  if (family === 0x11 && body.length >= IPV4_BYTES) {
    return { kind: 'header', length, remote: [...body.subarray(0, 4)].join('.') }
  }
  if (family === 0x21 && body.length >= IPV6_BYTES) {
    const groups = Array.from({ length: 8 }, (_, i) => body.readUInt16BE(i * 2).toString(16))
    return { kind: 'header', length, remote: groups.join(':') }
  }
  if (family === 0x00) return { kind: 'header', length, remote: null } // the balancer does not know either
  return { kind: 'bad' } // datagrams and unix sockets do not lead here
}

/** Addresses and CIDR blocks as one list. The configuration has checked their form. */
export function toBlockList(blocks: readonly string[]): BlockList {
  const list = new BlockList()
  for (const block of blocks) {
    const [address = '', prefix] = block.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    if (prefix === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(prefix), family)
  }
  return list
}

/** Whether a peer may speak the protocol. */
export function isListed(list: BlockList, address: string): boolean {
  const mapped = address.toLowerCase().startsWith('::ffff:') ? address.slice(7) : address
  return list.check(mapped, isIP(mapped) === 6 ? 'ipv6' : 'ipv4')
}

/**
 * Takes the header off a connection, then calls `ready` with the device's address and the rest of the bytes pushed
 * back. An untrusted peer, a bad header, or none within `waitMs` ends the connection.
 */
export function takeProxyHeader(
  socket: Socket,
  trusted: BlockList,
  waitMs: number,
  ready: (remote: string) => void,
): void {
  const peer = socket.remoteAddress ?? ''
  if (!isListed(trusted, peer)) {
    socket.destroy()
    return
  }
  let seen = Buffer.alloc(0)
  const late = setTimeout(() => socket.destroy(), waitMs)
  const onData = (chunk: Buffer): void => {
    seen = Buffer.concat([seen, chunk])
    const header = decodeProxyHeader(seen)
    if (header.kind === 'more') return
    clearTimeout(late)
    socket.removeListener('data', onData)
    if (header.kind === 'bad') {
      socket.destroy()
      return
    }
    socket.pause()
    const rest = seen.subarray(header.length)
    if (rest.length > 0) socket.unshift(rest)
    ready(header.remote ?? peer)
  }
  socket.on('data', onData)
  socket.once('close', () => {
    clearTimeout(late)
  })
  socket.on('error', () => socket.destroy())
}
