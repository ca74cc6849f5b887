/**
 * `postern backup` and `postern restore`.
 * @module
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { systemEndpoints } from '@postern/contract/api/system'
import { CONNECTION_OPTIONS, ownOption } from '../commands/command-options.ts'
import { valueOf } from '../commands/parse-options.ts'
import { connect } from '../connection/connect.ts'
import { CliError, usage } from '../exits.ts'
import type { HandVerb } from './hand-verb.ts'
import { writeStream } from './write-stream.ts'

/** Takes a backup while Core runs. */
export const backup: HandVerb = {
  name: 'backup',
  summary: 'Take a backup of everything but the key folder, which is kept elsewhere',
  positionals: [],
  options: [ownOption('out', 'FILE', 'write to a file that only you can read'), ...CONNECTION_OPTIONS],
  run: async (around, _table, options) => {
    const client = await connect(around, options)
    const chunks = await client.stream(systemEndpoints.createBackup)
    await writeStream(around, systemEndpoints.createBackup, chunks, valueOf(options, 'out'))
  },
}

/** Restores a backup into a Core that does not run. */
export const restore: HandVerb = {
  name: 'restore',
  summary: 'Restore a backup on this machine, while Core is stopped',
  positionals: ['FILE'],
  options: [
    ownOption('config', 'FILE', 'settings of the Core to restore into'),
    ownOption('data', 'DIR', 'where that Core keeps everything'),
    ...CONNECTION_OPTIONS.filter(({ name }) => name === 'help'),
  ],
  run: async (_around, _table, options) => {
    const [file = ''] = options.positionals
    if (!existsSync(file)) throw usage(`${file}: is not there; give the file that postern backup wrote`)
    const places = ['config', 'data'].flatMap((name) => {
      const value = valueOf(options, name)
      return value === null ? [] : [`--${name}`, resolve(value)]
    })
    const child = spawn(process.execPath, [coreProgram(), 'restore', resolve(file), ...places], { stdio: 'inherit' })
    const [code] = (await once(child, 'exit')) as [number | null] // node:child_process: code, or null after a signal
    if (code !== 0) throw new CliError('refused', 'the backup was not restored')
  },
}

/** Core's program beside this one. @throws CliError usage when only the CLI is installed here */
function coreProgram(): string {
  const beside = fileURLToPath(new URL('../../../core/bin/postern-core.mjs', import.meta.url))
  if (existsSync(beside)) return beside
  throw usage('postern-core is not installed beside this program; restore on the machine of Core')
}
