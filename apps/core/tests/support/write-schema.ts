/**
 * `node apps/core/tests/support/write-schema.ts`: writes migrations/schema.txt and migrations/checksums.txt anew. Released
 * migrations must not change: look at the difference before you commit it.
 * @module
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openDatabase } from '../../src/database/connect.ts'
import { MIGRATIONS_FOLDER, readMigrations } from '../../src/database/migrations.ts'
import { startServer } from './databases.ts'
import { checksumsText, SCHEMA_HEAD, schemaText } from './schema-text.ts'

await using server = await startServer('embedded')
await using database = openDatabase(await server.migratedDatabase(), () => undefined)
await writeFile(join(MIGRATIONS_FOLDER, 'schema.txt'), `${SCHEMA_HEAD}\n${await schemaText(database.db)}`)
await writeFile(join(MIGRATIONS_FOLDER, 'checksums.txt'), checksumsText(await readMigrations()))
