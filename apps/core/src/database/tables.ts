/**
 * Every table, by room.
 * @module
 */
import type { AdministratorsTables } from './tables/administrators.ts'
import type { AssociationsTables } from './tables/associations.ts'
import type { BaseTables } from './tables/base.ts'
import type { ConfigurationsTables } from './tables/configurations.ts'
import type { DirectoryTables } from './tables/directory.ts'
import type { SentriesTables } from './tables/sentries.ts'
import type { SentryProfilesTables } from './tables/sentry-profiles.ts'

/** The database as Kysely sees it. */
export type Tables = BaseTables &
  AdministratorsTables &
  SentryProfilesTables &
  SentriesTables &
  ConfigurationsTables &
  DirectoryTables &
  AssociationsTables
