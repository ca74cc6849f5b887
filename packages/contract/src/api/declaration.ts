/**
 * A whole set-up as one document (`postern.yaml`): what `postern apply` brings about and `postern export` writes. Things
 * are known by their names; one refers to another by name, never by id.
 * @module
 */
import Type, { type Static, type TSchema } from 'typebox'
import { EmailPlusConfigurationInput } from '../configurations/email-plus-configuration.ts'
import { ExchangeConfigurationInput } from '../configurations/exchange-configuration.ts'
import { parseDocument } from '../problems.ts'
import { StandaloneSentryInput } from '../standalone-sentry.ts'
import { PermissionName } from './session.ts'
import { LabelInput } from './labels.ts'
import { Name, orNull, strict } from './common.ts'
import { UserInput } from './users.ts'

/** Version of the document's form. */
export const DECLARATION_SCHEMA = 1
/** A document at most. Bytes. */
export const DECLARATION_BYTES = 4_194_304
/** YAML aliases in a document, counted as they unfold, at most. */
export const DECLARATION_ALIASES = 1_000

/**
 * Sections in the order in which they depend on each other: each refers only to earlier ones.
 */
export const DECLARATION_SECTIONS = [
  'roles',
  'users',
  'labels',
  'trustedRoots',
  'certificates',
  'sentryProfiles',
  'exchangeConfigurations',
  'emailPlusConfigurations',
] as const
/** Name of a section. */
export type DeclarationSection = (typeof DECLARATION_SECTIONS)[number]

/** A member that holds an id at Core, and the one that holds a name here. */
export interface DeclarationReference {
  readonly member: string
  readonly section: DeclarationSection
  readonly list: boolean
}

/** By the name that the member has here. */
export const DECLARATION_REFERENCES: Readonly<Record<string, DeclarationReference>> = {
  trustedRoots: { member: 'trustedRootIds', section: 'trustedRoots', list: true },
  identityProviderRoot: { member: 'identityProviderRootId', section: 'trustedRoots', list: false },
  serverRoot: { member: 'serverRootId', section: 'trustedRoots', list: false },
  certificate: { member: 'certificateId', section: 'certificates', list: false },
  reserveCertificate: { member: 'reserveCertificateId', section: 'certificates', list: false },
  sentryProfile: { member: 'sentryProfileId', section: 'sentryProfiles', list: false },
  labels: { member: 'labels', section: 'labels', list: true },
}

const NAME_OF_MEMBER = new Map(Object.entries(DECLARATION_REFERENCES).map(([name, { member }]) => [member, name]))

/** Members of one thing of a section; the rules about them are those of its endpoint. */
export type DeclaredMembers = Readonly<Record<string, unknown>>

const Key = Type.String({ pattern: '^.{1,320}$' })
const File = Type.String({
  minLength: 1,
  maxLength: 1_000,
  title: 'File',
  description: 'Name of a PEM file, from the folder of the document',
})
const Pem = Type.String({ minLength: 1, maxLength: 262_144, title: 'PEM', description: 'Instead of the file' })
const LabelNames = Type.Optional(
  Type.Array(Name, {
    maxItems: 100,
    uniqueItems: true,
    title: 'Labels',
    description: 'Devices with any of them get it',
  }),
)

const Root = Type.Object(
  { purpose: Type.Enum(['device', 'upstream']), file: Type.Optional(File), pem: Type.Optional(Pem) },
  strict,
)
const Certificate = Type.Object(
  {
    file: Type.Optional({ ...File, description: 'Certificate and chain as PEM' }),
    pem: Type.Optional(Pem),
    keyFile: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 1_000,
        title: 'Key file',
        description:
          'Private key as PEM. It is read on this machine, and never exported; not needed while nothing changes',
      }),
    ),
  },
  strict,
)
const Role = Type.Object({ permissions: Type.Array(PermissionName, { uniqueItems: true }) }, strict)
const DeclaredLabel = Type.Object(
  {
    description: LabelInput.properties.description,
    filter: Type.Optional({
      ...LabelInput.properties.filter,
      description: 'Without one its members are chosen one by one',
    }),
  },
  strict,
)

/** The document. A section that is not there is not looked at. */
export const Declaration = Type.Object(
  {
    schema: Type.Literal(DECLARATION_SCHEMA),
    roles: Type.Optional(Type.Record(Key, Role, strict)),
    users: Type.Optional(Type.Record(Key, members(UserInput, 'userName'), strict)),
    labels: Type.Optional(Type.Record(Key, DeclaredLabel, strict)),
    trustedRoots: Type.Optional(Type.Record(Key, Root, strict)),
    certificates: Type.Optional(Type.Record(Key, Certificate, strict)),
    sentryProfiles: Type.Optional(Type.Record(Key, members(StandaloneSentryInput, 'name'), strict)),
    exchangeConfigurations: Type.Optional(
      Type.Record(Key, members(ExchangeConfigurationInput, 'name', { labels: LabelNames }), strict),
    ),
    emailPlusConfigurations: Type.Optional(
      Type.Record(Key, members(EmailPlusConfigurationInput, 'name', { labels: LabelNames }), strict),
    ),
  },
  strict,
)
export type Declaration = Static<typeof Declaration>

/** @throws ContractError naming every place, rule and remedy; what the sections' own rules say comes later */
export function parseDeclaration(input: unknown): Declaration {
  return parseDocument('document', Declaration, input, [])
}

type Properties = Readonly<Record<string, TSchema>>

/** The schema without its name, which is the key here, and with references by name. */
function members(schema: { readonly properties: Properties }, name: string, more: Properties = {}) {
  const { [name]: _key, ...rest } = schema.properties
  return Type.Unsafe<DeclaredMembers>(Type.Object({ ...byName(rest), ...more }, strict))
}

function byName(properties: Properties): Properties {
  return Object.fromEntries(
    Object.entries(properties).map(([member, schema]) => {
      const name = NAME_OF_MEMBER.get(member)
      const found = name === undefined ? inner(schema) : reference(name)
      return [name ?? member, Type.IsOptional(schema) ? Type.Optional(found) : found]
    }),
  )
}

function inner(schema: TSchema): TSchema {
  return Type.IsObject(schema) ? Type.Object(byName(schema.properties), strict) : schema
}

function reference(name: string): TSchema {
  return DECLARATION_REFERENCES[name]?.list === true ? Type.Array(Name, { maxItems: 64 }) : orNull(Name)
}
