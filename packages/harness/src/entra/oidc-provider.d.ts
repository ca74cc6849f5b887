/** As much of oidc-provider 9 as the stand-in uses; the package brings no types. */
declare module 'oidc-provider' {
  type IncomingMessage = import('node:http').IncomingMessage
  type ServerResponse = import('node:http').ServerResponse

  export interface ProviderContext {
    readonly req: IncomingMessage
    status: number
    body: unknown
    readonly response: {
      get(name: string): string | undefined
      set(name: string, value: string): void
      remove(name: string): void
    }
    /** Only behind one of the provider's own routes. */
    readonly oidc?: ProviderState
  }

  export interface ProviderState {
    readonly provider: Provider
    readonly client: { readonly clientId: string }
    readonly params: Readonly<Record<string, unknown>> | undefined
    readonly session: { readonly accountId: string; grantIdFor(clientId: string): string | undefined }
  }

  export interface Grant {
    addOIDCScope(scope: string): void
    addResourceScope(resource: string, scope: string): void
    save(): Promise<string>
  }

  export class Provider {
    constructor(issuer: string, configuration: object)
    readonly Grant: {
      new (properties: { clientId: string; accountId: string }): Grant
      find(id: string): Promise<Grant | undefined>
    }
    use(middleware: (ctx: ProviderContext, next: () => Promise<void>) => Promise<void>): this
    on(event: 'grant.error', listener: (ctx: ProviderContext, error: Error & { error_detail?: string }) => void): this
    on(event: 'server_error', listener: (ctx: ProviderContext, error: Error) => void): this
    callback(): (req: IncomingMessage, res: ServerResponse) => Promise<void>
    /** Rejects when the request carries no cookie of a running sign-in. */
    interactionDetails(
      req: IncomingMessage,
      res: ServerResponse,
    ): Promise<{ uid: string; params: Readonly<Record<string, unknown>> }>
    /** Where the browser goes on. */
    interactionResult(req: IncomingMessage, res: ServerResponse, result: object): Promise<string>
  }
}
