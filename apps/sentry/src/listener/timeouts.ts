/**
 * Every timeout of the data path, in one table. Milliseconds. Only the waiting of Ping and Sync is long (1.9).
 * @module
 */

/** What the timeouts are at normal speed. */
const NORMAL = {
  /** TLS handshake of a device. */
  handshakeMs: 10_000,
  /** From the first byte of a head to its end (A16). */
  requestHeadMs: 10_000,
  /** A connection between two requests; EAS clients reuse theirs between Pings. */
  keepAliveMs: 75_000,
  /** A body may be slow for this long before the rate below counts. */
  bodyGraceMs: 10_000,
  /** A device that does not read its answer. */
  writeStallMs: 60_000,
  /** Wait for the header of a balancer. */
  proxyHeaderMs: 3_000,
  /** TCP and TLS to a server. */
  connectMs: 10_000,
  /** A server's answer to an ordinary command. */
  responseHeadMs: 100_000,
  /** A server's answer to Ping and Sync: 59 minutes are allowed to be silent, and a minute for the way. */
  holdMs: 3_660_000,
  /** Silence inside an answer. */
  responseIdleMs: 60_000,
  /** The identity provider's answer to a token request. */
  identityProviderMs: 30_000,
  /** A Sync that is silent for this long hangs, and counts as held. */
  heldAfterMs: 5_000,
  /** Ordinary requests may finish for this long when the Sentry stops. */
  drainMs: 25_000,
  /** The ends of held requests are spread over this long when the Sentry stops, so that not all come back at once. */
  holdSpreadMs: 5_000,
} as const

/** Slowest allowed body after the grace time, bytes a second. */
export const MIN_BODY_RATE = 1_024

/** The table at some speed. Milliseconds, each 1 or more. */
export type Timeouts = Readonly<Record<keyof typeof NORMAL, number>>

/** What two machines really have to do takes its time in a lab too, however fast its hours pass. */
const LEAST: Partial<Record<keyof typeof NORMAL, number>> = {
  handshakeMs: 500,
  requestHeadMs: 500,
  keepAliveMs: 500,
  connectMs: 500,
}

/** The table divided by `speed` (1 is normal; more only in a lab, so that an hour passes in a minute). */
export function timeouts(speed: number): Timeouts {
  const least: Readonly<Record<string, number>> = LEAST
  const scaled = Object.entries(NORMAL).map(([name, ms]) => {
    return [name, Math.max(least[name] ?? 1, Math.round(ms / speed))] as const
  })
  return Object.fromEntries(scaled) as Record<keyof typeof NORMAL, number>
}
