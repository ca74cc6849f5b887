/**
 * Handlers of the endpoints: Standalone Sentries.
 * @module
 */
import type { SentryProfile, sentryProfilesEndpoints } from '@postern/contract/api/sentry-profiles'
import { SENTRY_PRESETS } from '@postern/contract/standalone-sentry-presets'
import type { Answer, Handlers } from '../api/handlers.ts'
import { checkProfile } from '../services/sentry-profiles/check.ts'
import {
  compareVersions,
  listProfiles,
  listVersions,
  readProfile,
  readVersion,
} from '../services/sentry-profiles/read.ts'
import { createProfile, removeProfile, restoreVersion, updateProfile } from '../services/sentry-profiles/save.ts'
import type { Services } from '../services/services.ts'

type ProfileHandlers = Handlers<typeof sentryProfilesEndpoints>
type Editing = 'createSentryProfile' | 'updateSentryProfile' | 'removeSentryProfile' | 'restoreSentryProfileVersion'

/** Wires endpoints to services. */
export function sentryProfilesRoutes(services: Services): ProfileHandlers {
  return { ...reading(services), ...editing(services) }
}

function versioned(body: SentryProfile): Answer<SentryProfile> {
  return { body, version: body.version }
}

function reading({ store, vault, now }: Services): Omit<ProfileHandlers, Editing> {
  const { db } = store
  const date = (): Date => new Date(now())
  return {
    listSentryProfiles: async ({ query }) => ({ body: await listProfiles(db, query, date()) }),
    listSentryPresets: () => Promise.resolve({ body: { items: [...SENTRY_PRESETS] } }),
    checkSentryProfile: async ({ body }) => {
      const what = { input: body.settings, profileId: body.profileId ?? null, now: date() }
      return { body: await checkProfile(db, vault, what) }
    },
    readSentryProfile: async ({ params }) => versioned(await readProfile(db, params.id, date())),
    listSentryProfileVersions: async ({ params, query }) => ({ body: await listVersions(db, params.id, query) }),
    readSentryProfileVersion: async ({ params }) => ({ body: await readVersion(db, params.id, params.version) }),
    compareSentryProfileVersions: async ({ params, query: { from, to } }) => ({
      body: { from, to, differences: await compareVersions(db, params.id, from, to) },
    }),
  }
}

function editing({ vault }: Services): Pick<ProfileHandlers, Editing> {
  return {
    createSentryProfile: async ({ body }, context) =>
      versioned(
        await context.change(async (change) => {
          const save = { input: body.settings, note: body.note ?? null }
          return readProfile(change.tx, await createProfile(change, vault, save), change.now)
        }),
      ),
    updateSentryProfile: async ({ params, body }, context) =>
      versioned(
        await context.change(async (change) => {
          const at = { id: params.id, version: context.ifMatch }
          await updateProfile(change, vault, at, { input: body.settings, note: body.note ?? null })
          return readProfile(change.tx, params.id, change.now)
        }),
      ),
    removeSentryProfile: async ({ params }, context) => {
      await context.change((change) => removeProfile(change, vault, params.id, context.ifMatch))
      return { body: null }
    },
    restoreSentryProfileVersion: async ({ params, body }, context) =>
      versioned(
        await context.change(async (change) => {
          const at = { id: params.id, version: context.ifMatch, from: params.version }
          await restoreVersion(change, vault, at, body.note ?? null)
          return readProfile(change.tx, params.id, change.now)
        }),
      ),
  }
}
