/**
 * More administrators for tests.
 * @module
 */
import { acceptInvitation, type Credentials, stepUp } from '@postern/harness/core-administrator'
import type { CoreClient } from '@postern/harness/core-client'
import type { TestCore } from './test-core.ts'

/** Somebody new, with these roles. `ada`: the first administrator. They have signed in once. */
export async function addPerson(
  core: TestCore,
  ada: CoreClient,
  userName: string,
  roles: string[],
): Promise<Credentials> {
  await stepUp(ada, await core.credentials())
  const { body } = await ada.call('createAdministrator', { body: { userName, displayName: userName, roles } })
  const invitation = {
    secret: body.invitation.secret,
    password: `pass phrase number 1 ${[...userName].reverse().join('')}`,
  }
  return acceptInvitation(core.client(), { ...invitation, clock: core.clock })
}
