/**
 * What an Exchange stand-in is made of while it runs.
 * @module
 */
import type { Socket } from 'node:net'
import type { Issued } from '../ca.ts'
import { ClaimsDemands } from './bearer.ts'
import type { Duty } from './duty.ts'
import { Mailbox } from './mailbox.ts'
import { ReceivedRequests } from './received.ts'
import { Script } from './script.ts'

/** How a stand-in differs from Exchange Online's usual behaviour. */
export interface ExchangeOptions {
  /** Certificate, key and chain that it presents. */
  cert: Issued
  /** Default 127.0.0.1. */
  host?: string
  /** Default 0: any free one. */
  port?: number
  /** Versions offered and accepted; default 16.1 and 14.1. */
  versions?: string[]
  /** Resource that tokens must be for, with or without slash; default `https://outlook.office365.com`. */
  audience?: string
  /** `authorization_uri` of the challenge; default the recorded one. */
  authorizationUri?: string
  /** Whether commands need a policy key; default true. */
  requirePolicy?: boolean
  /** Checks tokens beyond their claims (signature); default: all pass. */
  verifyToken?: (token: string) => boolean
  /** Milliseconds of a heartbeat's second; default 1,000. */
  secondMs?: number
  /** Permitted heartbeats, seconds; default 60 to 3,540. */
  heartbeat?: { min: number; max: number }
  /** Bodies of this length and more are compressed when the client takes gzip; default 1,024. */
  gzipFromBytes?: number
}

const AUTHORIZATION_URI = 'https://login.microsoftonline.com/common/oauth2/authorize'

/** Everything that requests share. */
export interface State {
  duty: Duty
  gzipFromBytes: number
  received: ReceivedRequests
  script: Script
  mailboxes: Map<string, Mailbox>
  cookies: string[]
  connections: Connections
  closing: AbortController
}

/** Connections by number, in the order they came. */
class Connections {
  total = 0
  open = 0
  readonly #numbers = new WeakMap<Socket, number>()

  add(socket: Socket): void {
    this.total += 1
    this.open += 1
    this.#numbers.set(socket, this.total)
    socket.on('close', () => {
      this.open -= 1
    })
  }

  numberOf(socket: Socket): number {
    return this.#numbers.get(socket) ?? 0
  }
}

/** A stand-in that has seen nothing yet. */
export function toState(options: ExchangeOptions): State {
  const mailboxes = new Map<string, Mailbox>()
  const mailboxOf = (address: string): Mailbox => {
    const mailbox = mailboxes.get(address.toLowerCase()) ?? new Mailbox(address.toLowerCase())
    mailboxes.set(mailbox.user, mailbox)
    return mailbox
  }
  return {
    duty: {
      versions: options.versions ?? ['14.1', '16.1'],
      bearer: {
        audience: options.audience ?? 'https://outlook.office365.com',
        authorizationUri: options.authorizationUri ?? AUTHORIZATION_URI,
        verifyToken: options.verifyToken ?? (() => true),
      },
      demands: new ClaimsDemands(),
      requirePolicy: options.requirePolicy ?? true,
      timing: { secondMs: options.secondMs ?? 1_000, heartbeat: options.heartbeat ?? { min: 60, max: 3_540 } },
      mailboxOf,
    },
    gzipFromBytes: options.gzipFromBytes ?? 1_024,
    received: new ReceivedRequests(),
    script: new Script(),
    mailboxes,
    cookies: [],
    connections: new Connections(),
    closing: new AbortController(),
  }
}
