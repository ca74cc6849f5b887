/**
 * Handlers of the endpoints: certificates and trusted roots.
 * @module
 */
import type { certificatesEndpoints, TlsCertificate, TrustedRoot } from '@postern/contract/api/certificates'
import { readCertificates } from '@postern/pki/fingerprint'
import type { Answer, Handlers } from '../api/handlers.ts'
import { CoreError } from '../failure.ts'
import { readKeyFile } from '../services/certificates/certificate-files.ts'
import { deviceRoot } from '../services/certificates/device-authority.ts'
import {
  addCertificate,
  addRequest,
  completeRequest,
  currentFindings,
  makeRequest,
  removeCertificate,
  replaceCertificate,
} from '../services/certificates/edit-certificates.ts'
import { addRoot, removeRoot, setCrl } from '../services/certificates/edit-roots.ts'
import { listCertificates, listRoots, readCertificate, readRoot } from '../services/certificates/read-certificates.ts'
import type { Services } from '../services/services.ts'

type CertificateHandlers = Handlers<typeof certificatesEndpoints>

/** Wires endpoints to services. */
export function certificatesRoutes(services: Services): CertificateHandlers {
  return { ...reading(services), ...editing(services), ...roots(services) }
}

function versioned<T extends TlsCertificate | TrustedRoot>(body: T): Answer<T> {
  return { body, version: body.version }
}

function reading({
  store,
  vault,
  now,
}: Services): Pick<
  CertificateHandlers,
  'listCertificates' | 'readCertificate' | 'readCertificateFindings' | 'readRootCertificate'
> {
  const date = (): Date => new Date(now())
  return {
    listCertificates: async ({ query }) => ({ body: await listCertificates(store.db, query, date()) }),
    readCertificate: async ({ params }) => versioned(await readCertificate(store.db, params.id, date())),
    readCertificateFindings: async ({ params }) => ({
      body: { items: await currentFindings(store.db, vault, params.id, date()) },
    }),
    readRootCertificate: async () => {
      const pem = await deviceRoot(store.db)
      const [facts] = pem === null ? [] : readCertificates(pem)
      if (pem === null || facts === undefined) {
        throw new CoreError(
          'NOT_FOUND',
          'Core has issued no certificate yet; it does when a Standalone Sentry names none',
        )
      }
      const { subject, fingerprint, notAfter } = facts
      return { body: { pem, subject, fingerprint, notAfter: new Date(notAfter).toISOString() } }
    },
  }
}

function editing({
  vault,
  now,
}: Services): Pick<
  CertificateHandlers,
  'uploadCertificate' | 'requestCertificate' | 'replaceCertificate' | 'completeCertificate' | 'removeCertificate'
> {
  const date = (): Date => new Date(now())
  return {
    uploadCertificate: async ({ body: { name, ...file } }, context) => {
      const pair = readKeyFile(file, date()) // slow ones must not hold a transaction open
      return versioned(
        await context.change(async (change) =>
          readCertificate(change.tx, await addCertificate(change, vault, name, pair), change.now),
        ),
      )
    },
    requestCertificate: async ({ body }, context) => {
      const request = await makeRequest(body)
      return versioned(
        await context.change(async (change) =>
          readCertificate(change.tx, await addRequest(change, vault, body.name, request), change.now),
        ),
      )
    },
    replaceCertificate: async ({ params, body }, context) => {
      const pair = readKeyFile(body, date())
      return versioned(
        await context.change(async (change) => {
          await replaceCertificate(change, vault, { id: params.id, version: context.ifMatch }, pair)
          return readCertificate(change.tx, params.id, change.now)
        }),
      )
    },
    completeCertificate: async ({ params, body }, context) =>
      versioned(
        await context.change(async (change) => {
          await completeRequest(change, vault, params.id, body.chainPem)
          return readCertificate(change.tx, params.id, change.now)
        }),
      ),
    removeCertificate: async ({ params }, context) => {
      await context.change((change) => removeCertificate(change, vault, params.id, context.ifMatch))
      return { body: null }
    },
  }
}

function roots({
  store,
  now,
}: Services): Pick<
  CertificateHandlers,
  'listTrustedRoots' | 'createTrustedRoot' | 'readTrustedRoot' | 'removeTrustedRoot' | 'setTrustedRootCrl'
> {
  const date = (): Date => new Date(now())
  return {
    listTrustedRoots: async ({ query }) => ({ body: await listRoots(store.db, query, date()) }),
    readTrustedRoot: async ({ params }) => versioned(await readRoot(store.db, params.id, date())),
    createTrustedRoot: async ({ body }, context) =>
      versioned(await context.change(async (change) => readRoot(change.tx, await addRoot(change, body), change.now))),
    setTrustedRootCrl: async ({ params, body }, context) =>
      versioned(
        await context.change(async (change) => {
          await setCrl(change, params.id, body)
          return readRoot(change.tx, params.id, change.now)
        }),
      ),
    removeTrustedRoot: async ({ params }, context) => {
      await context.change((change) => removeRoot(change, params.id, context.ifMatch))
      return { body: null }
    },
  }
}
