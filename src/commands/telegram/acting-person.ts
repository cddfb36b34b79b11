/**
 * Whoever writes, as somebody who acts: in the organization that they have chosen in this chat, as long
 * as they belong to it, else in their own.
 */
import { organization } from '../../domain/organization/organization.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { User } from '../../domain/user/user.ts'
import type { UserActor } from '../access.ts'
import type { Deps } from '../deps.ts'
import { SESSION } from './receive-update.ts'

export type Member = UserActor & { readonly orgId: string }

/** @throws Refusal user_deactivated, organization_not_found */
export async function actingPerson(
  { streams }: Pick<Deps, 'streams'>,
  person: User,
  chosenOrgId: string | undefined,
): Promise<Member> {
  if (!person.active) throw new Refusal('user_deactivated')
  const { userId, locale, roles, personalOrgId } = person
  for (const orgId of [chosenOrgId, personalOrgId]) {
    if (orgId === undefined) continue
    const { state } = await streams.load(organization, orgId)
    const role = state?.members.get(userId)
    if (role === undefined) continue
    const administrator = roles.includes('administrator')
    return { kind: 'user', userId, sessionId: SESSION, locale, administrator, orgId, role }
  }
  throw new Refusal('organization_not_found')
}
