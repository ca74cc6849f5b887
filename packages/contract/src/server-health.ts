/**
 * How failures of a mail server are judged: the same words in a Sentry's file and in the document that Core sends.
 * @module
 */
import Type, { type Static } from 'typebox'

const strict = { additionalProperties: false } as const

/** The documented names (product description 2.5). Seconds. */
export const ServerHealth = Type.Object(
  {
    /** Failures within the window that make a server dead. */
    deadThreshold: Type.Integer({ minimum: 1, maximum: 100 }),
    failureWindowSeconds: Type.Integer({ minimum: 1, maximum: 3_600 }),
    /** How long a dead server is left out. */
    deadTimeSeconds: Type.Integer({ minimum: 1, maximum: 86_400 }),
    /** Active probes: every so many seconds, and how many good answers bring a server back. */
    healthCheck: Type.Object(
      {
        enabled: Type.Boolean(),
        intervalSeconds: Type.Integer({ minimum: 1, maximum: 3_600 }),
        liveThreshold: Type.Integer({ minimum: 1, maximum: 100 }),
      },
      strict,
    ),
  },
  strict,
)
export type ServerHealth = Static<typeof ServerHealth>

/** Our defaults for {@link ServerHealth}. */
export const SERVER_HEALTH_DEFAULTS: ServerHealth = {
  deadThreshold: 3,
  failureWindowSeconds: 30,
  deadTimeSeconds: 60,
  healthCheck: { enabled: true, intervalSeconds: 30, liveThreshold: 2 },
}
