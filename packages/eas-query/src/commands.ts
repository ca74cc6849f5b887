/**
 * The commands and protocol versions of Exchange ActiveSync, as tables.
 *
 * Document: MS-ASHTTP 2.2.1.1.1.1.2 (codes), MS-ASPROV 3.1.5.1 (who carries a policy key), MS-ASCMD 2.2.3.88
 * (how long Ping and Sync may hang). Codes 5 to 8 belong to 2.5 and name no command here; Autodiscover and OPTIONS
 * are no commands of this path.
 * @module
 */

/** What the gateway must know about a command before it reads a byte of the body. */
export interface CommandRow {
  /** The byte that stands for the command in the base64 query, 0 to 23. */
  readonly code: number
  /** Seconds that a healthy response may stay silent: 3540 where the client may ask for it, else 0. */
  readonly holdSeconds: number
  /** Whether clients send their policy key with it; where they do not, Status 142 to 144 must never be the answer. */
  readonly carriesPolicyKey: boolean
  /** Largest request body in bytes. Photos and attachments travel in Sync, whole messages in the mail commands. */
  readonly maxBodyBytes: number
}

const SMALL = 262_144
const SYNC = 20 * 1_048_576
const MAIL = 200 * 1_048_576

/** Every command, in the order of MS-ASHTTP 2.2.1.1.1.1.2. GetAttachment ends with 12.1; Find begins with 16.1. */
export const EAS_COMMANDS = {
  Sync: { code: 0, holdSeconds: 3_540, carriesPolicyKey: true, maxBodyBytes: SYNC },
  SendMail: { code: 1, holdSeconds: 0, carriesPolicyKey: true, maxBodyBytes: MAIL },
  SmartForward: { code: 2, holdSeconds: 0, carriesPolicyKey: true, maxBodyBytes: MAIL },
  SmartReply: { code: 3, holdSeconds: 0, carriesPolicyKey: true, maxBodyBytes: MAIL },
  GetAttachment: { code: 4, holdSeconds: 0, carriesPolicyKey: true, maxBodyBytes: SMALL },
  FolderSync: { code: 9, holdSeconds: 0, carriesPolicyKey: true, maxBodyBytes: SMALL },
  FolderCreate: { code: 10, holdSeconds: 0, carriesPolicyKey: true, maxBodyBytes: SMALL },
  FolderDelete: { code: 11, holdSeconds: 0, carriesPolicyKey: true, maxBodyBytes: SMALL },
  FolderUpdate: { code: 12, holdSeconds: 0, carriesPolicyKey: true, maxBodyBytes: SMALL },
  MoveItems: { code: 13, holdSeconds: 0, carriesPolicyKey: true, maxBodyBytes: SMALL },
  GetItemEstimate: { code: 14, holdSeconds: 0, carriesPolicyKey: true, maxBodyBytes: SMALL },
  MeetingResponse: { code: 15, holdSeconds: 0, carriesPolicyKey: true, maxBodyBytes: SMALL },
  Search: { code: 16, holdSeconds: 0, carriesPolicyKey: true, maxBodyBytes: SMALL },
  Settings: { code: 17, holdSeconds: 0, carriesPolicyKey: true, maxBodyBytes: SMALL },
  Ping: { code: 18, holdSeconds: 3_540, carriesPolicyKey: false, maxBodyBytes: SMALL },
  ItemOperations: { code: 19, holdSeconds: 0, carriesPolicyKey: true, maxBodyBytes: SMALL },
  Provision: { code: 20, holdSeconds: 0, carriesPolicyKey: true, maxBodyBytes: SMALL },
  ResolveRecipients: { code: 21, holdSeconds: 0, carriesPolicyKey: true, maxBodyBytes: SMALL },
  ValidateCert: { code: 22, holdSeconds: 0, carriesPolicyKey: true, maxBodyBytes: SMALL },
  Find: { code: 23, holdSeconds: 0, carriesPolicyKey: true, maxBodyBytes: SMALL },
} as const satisfies Record<string, CommandRow>

/** The name of a command, as MS-ASHTTP spells it. */
export type EasCommand = keyof typeof EAS_COMMANDS

const NAMES = Object.keys(EAS_COMMANDS) as EasCommand[]
const BY_CODE = new Map<number, EasCommand>(NAMES.map((name) => [EAS_COMMANDS[name].code, name]))
const BY_FOLDED_NAME = new Map<string, EasCommand>(NAMES.map((name) => [name.toLowerCase(), name]))

/** The command of a code byte, or null where the document has none. */
export function commandOfCode(code: number): EasCommand | null {
  return BY_CODE.get(code) ?? null
}

/** The command of a name, without regard to ASCII case, or null where the document has none. */
export function commandOfName(name: string): EasCommand | null {
  return BY_FOLDED_NAME.get(foldAscii(name)) ?? null
}

/** Every published version, oldest first, as it stands in the header `MS-ASProtocolVersion`. */
export const EAS_VERSIONS = ['2.5', '12.0', '12.1', '14.0', '14.1', '16.0', '16.1'] as const

/** A published protocol version. */
export type EasVersion = (typeof EAS_VERSIONS)[number]

/** The version that a header value names, byte for byte, or null. */
export function parseEasVersion(text: string): EasVersion | null {
  return EAS_VERSIONS.find((version) => version === text) ?? null
}

/** Whether a client of this version learns of refusals by HTTP status rather than by a Status element (up to 12.1). */
export function isBefore14(version: EasVersion): boolean {
  return EAS_VERSIONS.indexOf(version) < EAS_VERSIONS.indexOf('14.0')
}

/**
 * Lower case for A to Z only. `toLowerCase` alone would also fold the Kelvin sign and its like into ASCII letters,
 * and so accept spellings that a server reads otherwise.
 */
export function foldAscii(text: string): string {
  let folded = ''
  for (const character of text) folded += character >= 'A' && character <= 'Z' ? character.toLowerCase() : character
  return folded
}
