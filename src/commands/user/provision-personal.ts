/**
 * What a person who registers finds: an organization of their own, its account, the default plan. Each
 * step has an id that the claim determines, so the request, the sign-in and the sweep make the same; a
 * step that is done is not repeated, and a plan that was given up is not taken again.
 */
import { account } from '../../domain/account/account.ts'
import { organization } from '../../domain/organization/organization.ts'
import { isErased } from '../../domain/personal.ts'
import { offeredTerms, plan, type PlanTerms } from '../../domain/plan/plan.ts'
import { slugClaim, slugClaimId } from '../../domain/slug-claim/slug-claim.ts'
import { subscription } from '../../domain/subscription/subscription.ts'
import type { User } from '../../domain/user/user.ts'
import { type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'

type Needs = Pick<Deps, 'streams' | 'ids'>

/** The plan of this slug is what everybody starts on, where the administrator has published one. */
export const DEFAULT_PLAN_SLUG = 'free'

/**
 * @param root the claim's (finish-claim.ts)
 * @returns position of the last thing written; undefined where everything was there
 */
export async function provisionPersonal(
  deps: Needs,
  root: Root,
  person: User,
): Promise<bigint | undefined> {
  const created = await createOrganization(deps, root, person)
  const opened = await openAccount(deps, root, person.personalOrgId)
  const subscribed = await takeDefaultPlan(deps, root, person.personalOrgId)
  return subscribed ?? opened ?? created
}

async function createOrganization(
  { streams, ids }: Needs,
  root: Root,
  { userId, personalOrgId: orgId, email }: User,
): Promise<bigint | undefined> {
  const { state } = await streams.load(organization, orgId)
  if (state) return undefined
  const name = isErased(email) ? 'Personal' : email.slice(0, email.lastIndexOf('@')).slice(0, 120)
  const command = { type: 'CreateOrganization', kind: 'personal', orgId, ownerId: userId } as const
  const context = step(ids, { ...root, orgId }, 'organization')
  const done = await streams.transact(
    organization,
    orgId,
    { ...command, name, at: root.at },
    context,
  )
  return done.position
}

async function openAccount(
  { streams, ids }: Needs,
  root: Root,
  orgId: string,
): Promise<bigint | undefined> {
  const { revision } = await streams.load(account, orgId)
  if (revision >= 0) return undefined
  const command = { type: 'OpenAccount', orgId, at: root.at } as const
  const context = step(ids, { ...root, orgId }, 'account')
  return (await streams.transact(account, orgId, command, context)).position
}

async function takeDefaultPlan(
  { streams, ids }: Needs,
  root: Root,
  orgId: string,
): Promise<bigint | undefined> {
  const { state } = await streams.load(subscription, orgId)
  if (state.all.size > 0) return undefined
  const offered = await defaultPlan({ streams })
  if (!offered) return undefined
  const { planId, version: planVersion, terms } = offered
  const context = step(ids, { ...root, orgId }, 'plan')
  const done = await streams.transact(
    subscription,
    orgId,
    {
      type: 'Subscribe',
      subscriptionId: `manual:${context.commandId}`,
      planId,
      planVersion,
      graceDays: terms.graceDays,
      eventId: context.commandId,
      at: root.at,
    },
    context,
  )
  return done.position
}

/** The terms that everybody starts on; undefined where there is no such plan or it takes nobody new. */
export async function defaultPlan({
  streams,
}: Pick<Deps, 'streams'>): Promise<PlanTerms | undefined> {
  const { state: claim } = await streams.load(slugClaim, slugClaimId('plan', DEFAULT_PLAN_SLUG))
  if (!claim) return undefined
  const { state } = await streams.load(plan, claim.holderId)
  return state && !state.retired ? offeredTerms(state) : undefined
}
