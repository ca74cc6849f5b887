/**
 * `postern login` and `postern logout`.
 * @module
 */
import { rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { sessionEndpoints } from '@postern/contract/api/session'
import { CONNECTION_OPTIONS, ownOption } from '../commands/command-options.ts'
import { type Options, valueOf } from '../commands/parse-options.ts'
import { createClient } from '../connection/client.ts'
import { parseCode, peerOf, userAgentOf } from '../connection/connect.ts'
import { type Credentials, readCredentials, writeCredentials } from '../connection/credentials.ts'
import type { Peer } from '../connection/exchange.ts'
import { anonymousSignIn, parseToken, sessionSignIn, tokenSignIn } from '../connection/sign-in.ts'
import { CliError, usage } from '../exits.ts'
import { at, textOf } from '../json.ts'
import { safeText } from '../output/safe-text.ts'
import type { Surroundings } from '../surroundings.ts'
import type { HandVerb } from './hand-verb.ts'
import { readLocalFile } from './local-file.ts'

/** A file with a secret in it, at most. Bytes. */
const SECRET_BYTES = 4_096

/** Signs in with an API token, or as a person with password and code. */
export const logIn: HandVerb = {
  name: 'login',
  summary: 'Sign in: with an API token, or as a person with password and code',
  positionals: [],
  options: [
    ownOption('token', '-|@FILE', 'API token, from standard input or a file; never on the command line'),
    ownOption('user', 'NAME', 'user name; asked for when not given'),
    ownOption('password', '-|@FILE', 'password, from standard input or a file; asked for when not given'),
    ...CONNECTION_OPTIONS,
  ],
  run: async (around, _table, options) => {
    const kept = await readCredentials(around.credentialsFile).catch(() => null) // a damaged file is written anew
    const peer = await peerOf(around, options, kept)
    const base = { url: peer.origin.origin, ca: caFile(around, options, kept, peer), token: null, session: null }
    if (valueOf(options, 'token') !== null) await withToken(around, options, peer, base)
    else await withPassword(around, options, peer, base)
  },
}

/** Ends the session and forgets the sign-in. */
export const logOut: HandVerb = {
  name: 'logout',
  summary: 'Sign out: end the session, forget address and token',
  positionals: [],
  options: CONNECTION_OPTIONS,
  run: async (around, _table, options) => {
    const kept = await readCredentials(around.credentialsFile)
    if (kept === null) throw usage('nobody is signed in')
    await rm(around.credentialsFile, { force: true })
    if (kept.session === null) return
    const peer = await peerOf(around, options, kept)
    if (peer.origin.origin !== kept.url) return
    const signIn = sessionSignIn(around, kept, kept.session, async () => null)
    // Core removes the cookie; nothing is left that it could be written to.
    await createClient(peer, { ...signIn, cookies: async () => undefined }, userAgentOf(around)).call(
      sessionEndpoints.signOut,
    )
  },
}

async function withToken(around: Surroundings, options: Options, peer: Peer, base: Credentials): Promise<void> {
  const token = parseToken(await secretFrom(around, options, 'token'), 'token')
  const client = createClient(
    peer,
    tokenSignIn(token, async () => null),
    userAgentOf(around),
  )
  const { body } = await client.call(sessionEndpoints.readSession)
  await writeCredentials(around.credentialsFile, { ...base, token })
  await tellWho(around, base.url, body)
}

async function withPassword(around: Surroundings, options: Options, peer: Peer, base: Credentials): Promise<void> {
  const userName = valueOf(options, 'user') ?? (await around.ask('User name: ', false))
  if (userName === null) throw usage('user: is missing; give --user NAME, or a token with --token -')
  const password =
    valueOf(options, 'password') === null
      ? await around.ask('Password: ', true)
      : (await secretFrom(around, options, 'password')).replace(/\r?\n$/, '')
  if (password === null) throw usage('password: is missing; give --password - and write it to standard input')
  const code = valueOf(options, 'code') ?? (await around.ask('Code of your authenticator: ', false))
  const signIn = anonymousSignIn()
  const client = createClient(peer, signIn, userAgentOf(around))
  const proof = code === null || code.trim() === '' ? {} : { code: parseCode(code) }
  const { body } = await client.call(sessionEndpoints.signIn, { body: { userName, password, ...proof } })
  await keepSession(around, base, signIn, body)
}

/** Keeps the session that Core has just given, and says whose it is. @throws CliError unreachable when it gave none */
export async function keepSession(
  around: Surroundings,
  base: Credentials,
  signIn: ReturnType<typeof anonymousSignIn>,
  body: unknown,
): Promise<void> {
  const cookie = signIn.cookie()
  const csrfToken = textOf(body, 'csrfToken')
  if (cookie === null || csrfToken === '') throw new CliError('unreachable', 'Core gave no session; check the address')
  const userName = String(at(body, ['administrator', 'userName']))
  const session = { cookie, csrfToken, userName, expiresAt: textOf(body, 'expiresAt') }
  await writeCredentials(around.credentialsFile, { ...base, session })
  await tellWho(around, base.url, body)
}

async function tellWho(around: Surroundings, url: string, session: unknown): Promise<void> {
  const name = String(at(session, ['administrator', 'userName']))
  const idle = textOf(session, 'idleUntil')
  const lines = [`signed in at ${url} as ${safeText(name)}; it ends ${safeText(textOf(session, 'expiresAt'))}`]
  if (idle !== '') lines.push(`without use it ends ${safeText(idle)}`)
  await around.err.write(`${lines.join('\n')}\n`)
}

async function secretFrom(around: Surroundings, options: Options, name: string): Promise<string> {
  const from = valueOf(options, name) ?? ''
  if (from !== '-' && !from.startsWith('@')) {
    throw usage(`${name}: is not taken from the command line, which others can see; use --${name} - or --${name} @FILE`)
  }
  const bytes = await readLocalFile(around, from === '-' ? '-' : from.slice(1), SECRET_BYTES)
  return new TextDecoder().decode(bytes)
}

function caFile(around: Surroundings, options: Options, kept: Credentials | null, { origin }: Peer): string | null {
  const named = valueOf(options, 'ca') ?? around.environment.ca
  if (named !== null) return resolve(named)
  return kept?.url === origin.origin ? kept.ca : null
}
