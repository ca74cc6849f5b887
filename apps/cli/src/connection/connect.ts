/**
 * Which Core a command talks to, and as whom: options, then the environment, then what `postern login` kept.
 * @module
 */
import { FileError, readTextFile } from '@postern/runtime/json-file'
import { CliError, usage } from '../exits.ts'
import type { Surroundings } from '../surroundings.ts'
import { type Options, valueOf } from '../commands/parse-options.ts'
import { parseAddress } from './address.ts'
import { type Client, createClient, type SignIn } from './client.ts'
import { type Credentials, readCredentials } from './credentials.ts'
import type { Peer } from './exchange.ts'
import { parseToken, sessionSignIn, tokenSignIn } from './sign-in.ts'

/** @throws CliError usage without an address, notSignedIn without a sign-in */
export async function connect(around: Surroundings, options: Options): Promise<Client> {
  const kept = await readCredentials(around.credentialsFile)
  const peer = await peerOf(around, options, kept)
  const code = codeFrom(around, options)
  return createClient(peer, signInOf(around, kept, peer, code), userAgentOf(around))
}

/** What Core's log calls us. */
export function userAgentOf({ version }: Surroundings): string {
  return `postern/${version}`
}

/** Address and trusted authority. @throws CliError usage */
export async function peerOf(around: Surroundings, options: Options, kept: Credentials | null): Promise<Peer> {
  const text = valueOf(options, 'url') ?? around.environment.url ?? kept?.url ?? null
  if (text === null)
    throw usage('url: is not known; sign in with postern login --url https://core.example.com, or set POSTERN_URL')
  const origin = parseAddress(text)
  const caFile = valueOf(options, 'ca') ?? around.environment.ca ?? keptAuthority(kept, origin)
  return { origin, ca: caFile === null ? null : await readAuthority(caFile) }
}

/** An authority was named for one Core only. */
function keptAuthority(kept: Credentials | null, origin: URL): string | null {
  return kept?.url === origin.origin ? kept.ca : null
}

async function readAuthority(file: string): Promise<string> {
  try {
    const { text } = await readTextFile(file)
    if (!text.includes('-----BEGIN CERTIFICATE-----')) throw usage(`ca: ${file} holds no certificate in PEM`)
    return text
  } catch (error) {
    if (error instanceof FileError) throw usage(`ca: ${error.message}`)
    throw error
  }
}

function signInOf(around: Surroundings, kept: Credentials | null, { origin }: Peer, code: SignIn['code']): SignIn {
  const token = around.environment.token
  if (token !== null) return tokenSignIn(parseToken(token, 'POSTERN_TOKEN'), code)
  // What was kept for one Core is never sent to another.
  if (kept?.url === origin.origin) {
    if (kept.token !== null) return tokenSignIn(kept.token, code)
    if (kept.session !== null) return sessionSignIn(around, kept, kept.session, code)
  }
  throw new CliError(
    'notSignedIn',
    `nobody is signed in at ${origin.origin}; sign in with postern login, or set POSTERN_TOKEN`,
  )
}

function codeFrom(around: Surroundings, options: Options): SignIn['code'] {
  return async () => {
    const given = valueOf(options, 'code') ?? (await around.ask('Code of your authenticator: ', false))
    return given === null ? null : parseCode(given)
  }
}

/** @throws CliError usage */
export function parseCode(text: string): string {
  const code = text.replaceAll(/\s/g, '')
  if (!/^\d{6}$/.test(code)) throw usage('code: must be the six digits that your authenticator shows')
  return code
}
