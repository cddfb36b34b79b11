/**
 * What a person who registers finds: an organization of their own, its account, the default plan and its
 * credit. Each step has an id that the person determines, so the request, the sign-in and the sweep make
 * the same; a step that is done is not repeated, and a plan that was given up is not taken again.
 */
import { organization } from '../../domain/organization/organization.ts'
import { isErased } from '../../domain/personal.ts'
import { subscription } from '../../domain/subscription/subscription.ts'
import type { User } from '../../domain/user/user.ts'
import { openAccount } from '../account/open-account.ts'
import { namedRoot, type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'
import { defaultPlan } from '../plan/default-plan.ts'
import { grantTrial } from '../subscription/grant-trial.ts'
import { startPeriod } from '../subscription/start-period.ts'
import { takePlan } from '../subscription/subscribe.ts'

type Needs = Pick<Deps, 'streams' | 'ids'>

/** @returns position of the last thing written; undefined where everything was there */
export async function provisionPersonal(
  deps: Needs,
  root: Root,
  person: User,
): Promise<bigint | undefined> {
  const orgId = person.personalOrgId
  const own = namedRoot(deps.ids, { ...root, orgId }, `provision/${person.userId}`)
  const created = await createOrganization(deps, own, person)
  const { position: opened } = await openAccount(deps, own, orgId)
  const subscribed = await takeDefaultPlan(deps, own, orgId)
  const started = await startPeriod(deps, own, orgId)
  const trial = await grantTrial(deps, own, person)
  return trial ?? started ?? subscribed ?? opened ?? created
}

async function createOrganization(
  { streams, ids }: Needs,
  root: Root,
  { userId, personalOrgId: orgId, email }: User,
): Promise<bigint | undefined> {
  const { state } = await streams.load(organization, orgId)
  if (state) return undefined
  const local = isErased(email) ? '' : email.slice(0, email.lastIndexOf('@')).slice(0, 120).trim()
  const name = local || 'Personal'
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
