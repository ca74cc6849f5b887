/**
 * What the server is told on its command line. Pure.
 *
 * Everything that durability or access depends on is said here, where it outranks `postgresql.conf` and ALTER SYSTEM.
 * @module
 */
import { Buffer } from 'node:buffer'
import { join } from 'node:path'

/** The only role: owner of everything, made by initdb. */
export const ROLE = 'postern'
/** The database that initdb makes. */
export const DATABASE = 'postgres'
/** In a socket's name, where no port is listened on. */
export const SOCKET_PORT = 5_432
/** Socket folder inside the data directory. Given relative to it: the server's user may not reach the absolute path. */
export const SOCKET_FOLDER = 'socket'
/** Bytes of a socket's path: 104 on macOS, 108 on Linux, with the closing zero. */
const SOCKET_PATH_MAX_BYTES = 103

/** Where the server listens; `folder` as the server is told it. */
export type Endpoint =
  { readonly kind: 'socket'; readonly folder: string } | { readonly kind: 'tcp'; readonly port: number }

/**
 * Who may connect. The socket's folder is open to its owner and to root alone, and that is the whole authentication:
 * `peer` cannot be used, because a root process connects to a server that knows no user of that name; and a password
 * would have to lie in a file that the same two can read. Over TCP any local user could connect: SCRAM.
 */
export const HBA = {
  socket: { file: 'postern-socket.hba', text: `local all ${ROLE} trust\n` },
  tcp: { file: 'postern-tcp.hba', text: `host all ${ROLE} 127.0.0.1/32 scram-sha-256\n` },
} as const satisfies Record<Endpoint['kind'], { file: string; text: string }>

const ALWAYS = {
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  autovacuum: 'on',
  shared_buffers: '64MB',
  max_connections: '100',
  timezone: 'UTC',
  log_timezone: 'UTC',
  cluster_name: 'postern',
  jit: 'off', // needs a library that the package leaves out
  log_destination: 'stderr',
  logging_collector: 'off',
  log_line_prefix: '[%p] ',
  // Rows and statements stay out of the log: a DETAIL line quotes keys, a STATEMENT line what was sent.
  log_error_verbosity: 'terse',
  log_min_error_statement: 'panic',
} as const

/** Arguments of `postgres`. `dataDir` as its process reaches it. */
export function serverArguments(dataDir: string, endpoint: Endpoint): string[] {
  const settings: Record<string, string> = {
    ...ALWAYS,
    hba_file: `${dataDir}/${HBA[endpoint.kind].file}`,
    ...(endpoint.kind === 'socket'
      ? {
          listen_addresses: '',
          port: String(SOCKET_PORT),
          unix_socket_directories: quoteListItem(endpoint.folder),
          unix_socket_permissions: '0700',
        }
      : { listen_addresses: '127.0.0.1', port: String(endpoint.port), unix_socket_directories: '' }),
  }
  return ['-D', dataDir, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])]
}

/** Arguments of `initdb`: byte order for sorting, UTF-8, the same on every machine and without ICU. */
export function initdbArguments(dataDir: string, passwordFile: string | null): string[] {
  return [
    ...['-D', dataDir, '-U', ROLE, '--encoding=UTF8', '--locale=C'],
    ...['--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--data-checksums', '--no-instructions'],
    ...(passwordFile === null ? ['--auth=trust'] : ['--auth=scram-sha-256', `--pwfile=${passwordFile}`]),
  ]
}

/** Whether clients can name a socket inside `dataDir`, an absolute path; else it must lie elsewhere. */
export function socketFitsIn(dataDir: string): boolean {
  const path = join(dataDir, SOCKET_FOLDER, `.s.PGSQL.${SOCKET_PORT}`)
  return Buffer.byteLength(path) <= SOCKET_PATH_MAX_BYTES
}

/** `unix_socket_directories` is a list: a comma or a quote in a folder's name would make two of it. */
function quoteListItem(folder: string): string {
  return `"${folder.replaceAll('"', '""')}"`
}
