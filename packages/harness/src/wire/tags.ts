/**
 * The tags that the stand-ins and phones speak, by name. Only those: this is no copy of the product's tables.
 *
 * Document: MS-ASWBXML 2.1.2.1 (code pages). Written apart from the product's tables, so that a wrong token shows.
 * @module
 */

/** Code page, and its tokens by local name. */
const PAGES = {
  AirSync: [
    0,
    {
      Sync: 0x05,
      Responses: 0x06,
      Add: 0x07,
      Change: 0x08,
      Delete: 0x09,
      Fetch: 0x0a,
      SyncKey: 0x0b,
      ClientId: 0x0c,
      ServerId: 0x0d,
      Status: 0x0e,
      Collection: 0x0f,
      Class: 0x10,
      CollectionId: 0x12,
      GetChanges: 0x13,
      MoreAvailable: 0x14,
      WindowSize: 0x15,
      Commands: 0x16,
      Options: 0x17,
      FilterType: 0x18,
      Conflict: 0x1b,
      Collections: 0x1c,
      ApplicationData: 0x1d,
      DeletesAsMoves: 0x1e,
      Wait: 0x24,
      Limit: 0x25,
      Partial: 0x26,
      HeartbeatInterval: 0x29,
    },
  ],
  Email: [
    2,
    {
      DateReceived: 0x0f,
      DisplayTo: 0x11,
      Importance: 0x12,
      MessageClass: 0x13,
      Subject: 0x14,
      Read: 0x15,
      To: 0x16,
      Cc: 0x17,
      From: 0x18,
    },
  ],
  FolderHierarchy: [
    7,
    {
      Folders: 0x05,
      Folder: 0x06,
      DisplayName: 0x07,
      ServerId: 0x08,
      ParentId: 0x09,
      Type: 0x0a,
      Status: 0x0c,
      Changes: 0x0e,
      Add: 0x0f,
      Delete: 0x10,
      Update: 0x11,
      SyncKey: 0x12,
      FolderSync: 0x16,
      Count: 0x17,
    },
  ],
  Ping: [
    13,
    {
      Ping: 0x05,
      Status: 0x07,
      HeartbeatInterval: 0x08,
      Folders: 0x09,
      Folder: 0x0a,
      Id: 0x0b,
      Class: 0x0c,
      MaxFolders: 0x0d,
    },
  ],
  Provision: [
    14,
    {
      Provision: 0x05,
      Policies: 0x06,
      Policy: 0x07,
      PolicyType: 0x08,
      PolicyKey: 0x09,
      Data: 0x0a,
      Status: 0x0b,
      RemoteWipe: 0x0c,
      EASProvisionDoc: 0x0d,
      DevicePasswordEnabled: 0x0e,
      MinDevicePasswordLength: 0x14,
      AccountOnlyRemoteWipe: 0x3b,
    },
  ],
  AirSyncBase: [
    17,
    {
      BodyPreference: 0x05,
      Type: 0x06,
      TruncationSize: 0x07,
      AllOrNone: 0x08,
      Body: 0x0a,
      Data: 0x0b,
      EstimatedDataSize: 0x0c,
      Truncated: 0x0d,
      NativeBodyType: 0x16,
      ContentType: 0x17,
    },
  ],
  Settings: [
    18,
    {
      Settings: 0x05,
      Status: 0x06,
      Get: 0x07,
      Set: 0x08,
      DeviceInformation: 0x16,
      Model: 0x17,
      IMEI: 0x18,
      FriendlyName: 0x19,
      OS: 0x1a,
      OSLanguage: 0x1b,
      PhoneNumber: 0x1c,
      UserInformation: 0x1d,
      EmailAddresses: 0x1e,
      SMTPAddress: 0x1f,
      UserAgent: 0x20,
      MobileOperator: 0x22,
      PrimarySmtpAddress: 0x23,
      Accounts: 0x24,
      Account: 0x25,
      UserDisplayName: 0x28,
    },
  ],
  ItemOperations: [
    20,
    {
      ItemOperations: 0x05,
      Fetch: 0x06,
      Store: 0x07,
      Options: 0x08,
      Properties: 0x0b,
      Data: 0x0c,
      Status: 0x0d,
      Response: 0x0e,
      Part: 0x11,
    },
  ],
  ComposeMail: [21, { SendMail: 0x05, SaveInSentItems: 0x08, Mime: 0x10, ClientId: 0x11, Status: 0x12 }],
} as const satisfies Record<string, readonly [number, Record<string, number>]>

const CODE_BY_NAME = new Map<string, readonly [page: number, token: number]>()
const NAME_BY_CODE = new Map<number, string>()
for (const [namespace, [page, tokens]] of Object.entries(PAGES)) {
  for (const [local, token] of Object.entries(tokens)) {
    CODE_BY_NAME.set(`${namespace}:${local}`, [page, token])
    NAME_BY_CODE.set(page * 0x100 + token, `${namespace}:${local}`)
  }
}

/** Page and token of `Namespace:Tag`. @throws RangeError for a tag that is not in the list above. */
export function codeOf(name: string): readonly [page: number, token: number] {
  const code = CODE_BY_NAME.get(name)
  if (code === undefined) throw new RangeError(`no tag ${name}`)
  return code
}

/** `Namespace:Tag`, or `page:token` in hexadecimal for one that is not in the list. */
export function nameOf(page: number, token: number): string {
  return NAME_BY_CODE.get(page * 0x100 + token) ?? `${page.toString(16)}:${token.toString(16)}`
}
