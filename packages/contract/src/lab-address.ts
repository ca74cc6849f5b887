/**
 * Where a laboratory finds a name: an IP address, and a port when port 443 of that name is elsewhere there.
 * @module
 */

/** `port` null: the port that was asked for. */
export interface LabAddress {
  readonly address: string
  readonly port: number | null
}

/** `127.0.0.1`, `127.0.0.1:20443`, `::1`, `[::1]:20443`. Null: none of these. */
export function parseLabAddress(text: string): LabAddress | null {
  const bracketed = /^\[([0-9A-Fa-f:.]+)\]:(\d{1,5})$/.exec(text)
  const plain = /^(\d{1,3}(?:\.\d{1,3}){3}):(\d{1,5})$/.exec(text)
  const match = bracketed ?? plain
  if (match === null) return isIpAddress(text) ? { address: text, port: null } : null
  const address = match[1] ?? ''
  const port = Number(match[2])
  return isIpAddress(address) && port >= 1 && port <= 65_535 ? { address, port } : null
}

/** An IPv4 address without leading zeros (they mean octal to some readers), or an IPv6 address. */
export function isIpAddress(text: string): boolean {
  if (text.includes(':')) return /^[0-9A-Fa-f:.]{2,45}$/.test(text) && URL.canParse(`http://[${text}]/`)
  const parts = text.split('.')
  return parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255)
}
