/**
 * Handlers of the endpoints: configurations.
 * @module
 */
import type { Configuration, configurationsEndpoints } from '@postern/contract/api/configurations'
import type { Permission } from '@postern/contract/api/permissions'
import { emailPlusTemplate } from '@postern/contract/configurations/email-plus'
import type { Answer, Handlers, RequestContext } from '../api/handlers.ts'
import { CoreError, notFound } from '../failure.ts'
import { applyConfiguration, withdrawConfiguration } from '../services/configurations/apply.ts'
import { checkConfiguration } from '../services/configurations/check.ts'
import { chosenSentry } from '../services/configurations/chosen-sentry.ts'
import { previewConfiguration, previewForLabel } from '../services/configurations/preview.ts'
import { listConfigurations, readConfiguration } from '../services/configurations/read.ts'
import {
  createConfiguration,
  removeConfiguration,
  restoreConfiguration,
  updateConfiguration,
} from '../services/configurations/save.ts'
import { compareVersions, listVersions, readVersion } from '../services/configurations/versions.ts'
import type { Services } from '../services/services.ts'

/** Wires endpoints to services. */
export function configurationsRoutes({ store }: Services): Handlers<typeof configurationsEndpoints> {
  const { db } = store
  return {
    listConfigurations: async ({ query }) => ({ body: await listConfigurations(db, query) }),
    createExchangeConfiguration: async ({ body }, context) =>
      answer(await context.change((c) => createConfiguration(c, 'exchange', body))),
    createEmailPlusConfiguration: async ({ body }, context) =>
      answer(await context.change((c) => createConfiguration(c, 'emailPlus', body))),
    updateExchangeConfiguration: async ({ params: { id }, body: input }, context) =>
      answer(
        await context.change((c) => updateConfiguration(c, { id, kind: 'exchange', version: context.ifMatch, input })),
      ),
    updateEmailPlusConfiguration: async ({ params: { id }, body: input }, context) =>
      answer(
        await context.change((c) => updateConfiguration(c, { id, kind: 'emailPlus', version: context.ifMatch, input })),
      ),
    readEmailPlusTemplate: async ({ query: { sentryProfileId, certificate } }) => {
      const sentry = await chosenSentry(db, sentryProfileId)
      if (sentry === null) throw notFound('Standalone Sentry', sentryProfileId)
      return { body: { pairs: emailPlusTemplate(sentry.host, certificate ?? null) } }
    },
    readConfiguration: async ({ params: { id } }) => answer(await readConfiguration(db, id)),
    removeConfiguration: async ({ params: { id } }, context) => {
      await context.change((c) => removeConfiguration(c, id, context.ifMatch))
      return { body: null }
    },
    checkConfiguration: async ({ body: { kind, id, settings } }) => ({
      body: await checkConfiguration(db, { kind, id: id ?? null, settings }),
    }),
    applyConfiguration: async ({ params: { id }, body }, context) =>
      answer(await context.change((c) => applyConfiguration(c, id, body))),
    withdrawConfiguration: async ({ params: { id }, body }, context) =>
      answer(await context.change((c) => withdrawConfiguration(c, id, body))),
    previewConfiguration: async ({ params: { id }, query: { user, device } }, context) => {
      requireAlso(context, device === undefined ? ['user:view'] : ['user:view', 'device:view'])
      return { body: await previewConfiguration(db, id, { userId: user, deviceId: device ?? null }) }
    },
    previewConfigurationForLabel: async ({ params: { id }, query: { label } }, context) => {
      requireAlso(context, ['user:view', 'device:view', 'label:view'])
      return { body: await previewForLabel(db, id, label) }
    },
    listConfigurationVersions: async ({ params: { id }, query }) => ({ body: await listVersions(db, id, query) }),
    readConfigurationVersion: async ({ params: { id, version } }) => ({ body: await readVersion(db, id, version) }),
    compareConfigurationVersions: async ({ params: { id }, query: { from, to } }) => ({
      body: await compareVersions(db, id, from, to),
    }),
    restoreConfigurationVersion: async ({ params: { id, version: restored } }, context) =>
      answer(await context.change((c) => restoreConfiguration(c, { id, restored, version: context.ifMatch }))),
  }
}

function answer(body: Configuration): Answer<Configuration> {
  return { body, version: body.version }
}

// A preview shows whose it is: the endpoint's own permission lets one see configurations only.
function requireAlso({ principal }: RequestContext, permissions: readonly Permission[]): void {
  const missing = permissions.filter((name) => principal?.permissions.has(name) !== true)
  if (missing.length > 0) throw new CoreError('FORBIDDEN', `a preview shows more, and needs ${missing.join(', ')} too`)
}
