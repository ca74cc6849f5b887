/**
 * A program that is killed: starts the server on the directory in its argument, writes rows one after another, and
 * prints each number once the server acknowledged it.
 * @module
 */
import { Client } from 'pg'
import { startPostgres } from '../src/server.ts'

const dataDir = process.argv[2]
if (dataDir === undefined) throw new TypeError('writer.ts DIRECTORY')
const server = await startPostgres({ dataDir, listen: { kind: 'socket' }, log: () => undefined })
const client = new Client(server.connection)
await client.connect()
await client.query('CREATE TABLE IF NOT EXISTS written (n int PRIMARY KEY)')
console.log(`pid ${server.pid}`)
for (let n = 1; ; n += 1) {
  await client.query('INSERT INTO written VALUES ($1)', [n])
  console.log(n)
}
