/**
 * Tables of migration 0006: configurations, their versions, the labels that they are applied to.
 * @module
 */
import type { ColumnType, Generated, GeneratedAlways } from 'kysely'
import type { EmailPlusConfiguration } from '@postern/contract/configurations/email-plus'
import type { ExchangeConfiguration } from '@postern/contract/configurations/exchange'

/** Settings of either kind, as text when written. */
type Settings<Written> = ColumnType<ExchangeConfiguration | EmailPlusConfiguration, string, Written>

/** Columns as Kysely reads and writes them. */
export interface ConfigurationsTables {
  configurations: {
    id: Generated<string>
    version: Generated<number>
    created_at: Generated<Date>
    updated_at: Generated<Date>
    kind: 'exchange' | 'emailPlus'
    settings: Settings<string>
    name: GeneratedAlways<string>
    name_key: GeneratedAlways<string>
    sentry_profile_id: GeneratedAlways<string | null>
  }
  configuration_versions: {
    configuration_id: string
    version: number
    settings: Settings<never>
    at: Date
    by_name: string
    restored_from: number | null
  }
  configuration_labels: { configuration_id: string; label_id: string; at: Date }
}
