/**
 * What an administrator may do: one permission for each kind of action, grouped into roles. Nothing is allowed that no
 * permission names.
 * @module
 */

/** Every permission with what it lets one do. `stepUp`: fresh proof of identity is asked for (5 minutes). */
export const PERMISSIONS = {
  'sentry:view': { title: 'See Sentries and Standalone Sentry settings', stepUp: false },
  'sentry:manage': { title: 'Change Standalone Sentry settings, register and revoke Sentries', stepUp: false },
  'certificate:view': { title: 'See certificates and trusted roots', stepUp: false },
  'certificate:manage': { title: 'Upload, request and remove certificates and trusted roots', stepUp: false },
  'configuration:view': { title: 'See Exchange and Email+ configurations', stepUp: false },
  'configuration:manage': { title: 'Change configurations and what they are applied to', stepUp: false },
  'user:view': { title: 'See users', stepUp: false },
  'user:manage': { title: 'Add, import, change, block and remove users', stepUp: false },
  'device:view': { title: 'See devices and why they are blocked', stepUp: false },
  'device:manage': { title: 'Add and change devices, register their certificates', stepUp: false },
  'device:block': { title: 'Block devices and lift a block', stepUp: false },
  'device:retire': { title: 'Retire devices: their identities are revoked', stepUp: false },
  'device:wipe': { title: 'Remove the mail account from a device', stepUp: true },
  'label:view': { title: 'See labels', stepUp: false },
  'label:manage': { title: 'Change labels and their members', stepUp: false },
  'association:view': { title: 'See ActiveSync associations', stepUp: false },
  'association:decide': { title: 'Allow, block, link and remove associations', stepUp: false },
  'audit:view': { title: 'See, export and verify the audit log', stepUp: false },
  'audit:manage': { title: 'Say where the audit log is sent', stepUp: false },
  'administrator:view': { title: 'See administrators, roles and API tokens', stepUp: false },
  'administrator:manage': { title: 'Change administrators, roles and API tokens', stepUp: true },
  'sign-in:manage': { title: 'Change how administrators sign in', stepUp: true },
  'system:view': { title: 'See how Core itself is', stepUp: false },
  'backup:create': { title: 'Take a backup of everything', stepUp: true },
  'keys:rotate': { title: 'Rotate the keys that secrets are encrypted with', stepUp: true },
} as const satisfies Record<string, { readonly title: string; readonly stepUp: boolean }>

/** Name of a permission. */
export type Permission = keyof typeof PERMISSIONS

/** All of them, in the order of the table. */
export const PERMISSION_NAMES = Object.keys(PERMISSIONS) as readonly Permission[]

const VIEW = PERMISSION_NAMES.filter((name) => name.endsWith(':view'))

/** Roles that are always there and cannot be changed; others are made from permissions. */
export const BUILT_IN_ROLES = {
  'super-administrator': { title: 'Super administrator', permissions: PERMISSION_NAMES },
  'mail-administrator': {
    title: 'Mail administrator',
    permissions: [
      ...VIEW.filter((name) => name !== 'administrator:view' && name !== 'audit:view'),
      ...(['sentry:manage', 'certificate:manage', 'configuration:manage', 'user:manage', 'device:manage'] as const),
      ...(['device:block', 'device:retire', 'label:manage', 'association:decide'] as const),
    ],
  },
  'help-desk': {
    title: 'Help desk',
    permissions: [
      ...(['sentry:view', 'configuration:view', 'user:view', 'device:view', 'label:view', 'association:view'] as const),
      ...(['device:block', 'association:decide'] as const),
    ],
  },
  auditor: { title: 'Auditor', permissions: VIEW },
} as const satisfies Record<string, { readonly title: string; readonly permissions: readonly Permission[] }>
