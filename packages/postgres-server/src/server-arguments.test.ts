import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { HBA, initdbArguments, serverArguments, socketFitsIn } from './server-arguments.ts'

/** Settings of a command line, each said once. */
function settings(args: readonly string[]): Map<string, string> {
  const pairs = args.flatMap((arg, index) => (args[index - 1] === '-c' ? [arg.split(/=(.*)/s)] : []))
  const found = new Map(pairs.map(([name = '', value = '']) => [name, value]))
  assert.equal(found.size, pairs.length)
  return found
}

describe('what the server is told', () => {
  test('socket: nothing is listened on, and the folder is closed', () => {
    const told = settings(serverArguments('/data', { kind: 'socket', folder: 'socket' }))
    assert.equal(told.get('listen_addresses'), '')
    assert.equal(told.get('unix_socket_permissions'), '0700')
    assert.equal(told.get('unix_socket_directories'), '"socket"')
    assert.equal(told.get('hba_file'), '/data/postern-socket.hba')
  })
  test('tcp: loopback only, no socket, a password', () => {
    const told = settings(serverArguments('/data', { kind: 'tcp', port: 4_711 }))
    assert.equal(told.get('listen_addresses'), '127.0.0.1')
    assert.equal(told.get('port'), '4711')
    assert.equal(told.get('unix_socket_directories'), '')
    assert.equal(told.get('hba_file'), '/data/postern-tcp.hba')
    assert.match(HBA.tcp.text, /^host all postern 127\.0\.0\.1\/32 scram-sha-256\n$/)
  })
  test('a comma in a folder does not make two of it, nor a quote an end', () => {
    const told = settings(serverArguments('/data', { kind: 'socket', folder: '/srv/a, "b"' }))
    assert.equal(told.get('unix_socket_directories'), '"/srv/a, ""b"""')
  })
  for (const name of ['fsync', 'synchronous_commit', 'full_page_writes', 'autovacuum'])
    test(`${name} is on`, () => {
      assert.equal(settings(serverArguments('/data', { kind: 'socket', folder: 's' })).get(name), 'on')
    })
  test('no values of rows and no statements in the log', () => {
    const told = settings(serverArguments('/data', { kind: 'socket', folder: 's' }))
    assert.equal(told.get('log_error_verbosity'), 'terse')
    assert.equal(told.get('log_min_error_statement'), 'panic')
  })
})

describe('initdb', () => {
  test('trust only without a password', () => {
    assert.ok(initdbArguments('/data', null).includes('--auth=trust'))
    const guarded = initdbArguments('/data', '/file')
    assert.ok(guarded.includes('--auth=scram-sha-256'))
    assert.ok(guarded.includes('--pwfile=/file'))
    assert.ok(!guarded.includes('--auth=trust'))
  })
})

describe('sun_path: 104 bytes with the closing zero on macOS, 108 on Linux', () => {
  const added = '/socket/.s.PGSQL.5432'.length
  for (const [title, path, fits] of [
    ['one byte too long', `/${'a'.repeat(103 - added)}`, false],
    ['too long in bytes, not in characters', `/${'é'.repeat(60)}`, false],
    ['as long as may be', `/${'a'.repeat(102 - added)}`, true],
  ] as const)
    test(title, () => {
      assert.equal(socketFitsIn(path), fits)
    })
})
