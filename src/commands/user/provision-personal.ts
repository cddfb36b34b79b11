/**
 * What a person who registers finds: an organization of their own, its account, the default plan and the
 * credit that comes with it. Each step has an id that the claim (or the period) determines, so the request,
 * the sign-in and the sweep make the same; a plan that was given up is not taken again.
 */
import { organization } from '../../domain/organization/organization.ts'
import { isErased } from '../../domain/personal.ts'
import { subscription } from '../../domain/subscription/subscription.ts'
import type { User } from '../../domain/user/user.ts'
import { openAccount } from '../account/open-account.ts'
import { type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'
import { defaultPlan } from '../plan/default-plan.ts'
import { grantTrial } from '../subscription/grant-trial.ts'
import { startPeriod } from '../subscription/start-period.ts'
import { takePlan } from '../subscription/subscribe.ts'

type Needs = Pick<Deps, 'streams' | 'ids'>

/**
 * @param root the claim's (finish-claim.ts)
 * @returns position of the last thing written; undefined where everything was there
 */
export async function provisionPersonal(
  deps: Needs,
  root: Root,
  person: User,
): Promise<bigint | undefined> {
  const orgId = person.personalOrgId
  const own = { ...root, orgId }
  const created = await createPersonal(deps, own, person)
  const opened = await openAccount(deps, own, orgId)
  const subscribed = await takeDefaultPlan(deps, own, orgId)
  const started = await startPeriod(deps, own, orgId)
  const trial = await grantTrial(deps, own, person)
  return trial ?? started ?? subscribed ?? opened.position ?? created
}

async function createPersonal(
  { streams, ids }: Needs,
  root: Root,
  { userId, personalOrgId: orgId, email, provisional }: User,
): Promise<bigint | undefined> {
  const { state } = await streams.load(organization, orgId)
  if (state) return undefined
  const local = isErased(email) || provisional ? '' : email.slice(0, email.lastIndexOf('@')).trim()
  const name = local.slice(0, 120) || 'Personal'
  const command = { type: 'CreateOrganization', kind: 'personal', orgId, ownerId: userId } as const
  const context = step(ids, root, 'organization')
  const done = await streams.transact(
    organization,
    orgId,
    { ...command, name, at: root.at },
    context,
  )
  return done.position
}

async function takeDefaultPlan(
  deps: Needs,
  root: Root,
  orgId: string,
): Promise<bigint | undefined> {
  const { state } = await deps.streams.load(subscription, orgId)
  if (state.all.size > 0) return undefined
  const offered = await defaultPlan(deps)
  if (!offered) return undefined
  return (await takePlan(deps, orgId, offered, step(deps.ids, root, 'plan'))).position
}
