/**
 * Forward recovery of claims on addresses: whatever a claim has begun is brought to its end, by the
 * event at once and by the sweep after a crash: the person, the change of address, the release of an
 * old claim, the organization, account and plan. Every step has ids that the claim determines.
 */
import type { Deps } from '../commands/deps.ts'
import { claimRoot, finishClaim } from '../commands/user/finish-claim.ts'
import { defaultPlan } from '../commands/plan/default-plan.ts'
import { provisionPersonal } from '../commands/user/provision-personal.ts'
import { user } from '../domain/user/user.ts'
import { claimsToFinish, type UnfinishedClaim } from '../projections/unfinished-claims.ts'
import { peopleWaitingFor } from '../projections/unfinished-registrations.ts'
import type { Sweep, Worker } from './worker.ts'

const NAME = 'finish-registrations'

export const finishRegistrations = (deps: Deps): Worker => ({
  name: NAME,
  concurrency: 8,
  on: {
    EmailClaimed: ({ id, data, metadata }) => {
      const payload: UnfinishedClaim = {
        claimId: String(data['claimId']),
        emailHmac: String(data['emailHmac']),
        eventId: id,
        correlationId: metadata.$correlationId,
      }
      return { id, payload }
    },
  },
  handle: (claim: UnfinishedClaim) => finish(deps, claim),
})

async function finish(
  deps: Deps,
  { emailHmac, eventId, correlationId }: UnfinishedClaim,
): Promise<void> {
  await finishClaim(deps, emailHmac, { correlationId, causationId: eventId })
}

/** A claim on its own; people without organization or account; and without a plan, where there is one. */
export const finishRegistrationsSweep = (deps: Deps): Sweep => ({
  name: NAME,
  async run(signal) {
    let found = 0
    for await (const { document } of claimsToFinish(deps.views)) {
      if (signal.aborted) return found
      await finish(deps, document)
      found++
    }
    const waitsFor = (await defaultPlan(deps))
      ? (['provision', 'plan'] as const)
      : ['provision' as const]
    for (const what of waitsFor)
      for await (const userId of peopleWaitingFor(deps.views, what)) {
        if (signal.aborted) return found
        const { state: person } = await deps.streams.load(user, userId)
        if (!person) continue
        await provisionPersonal(deps, claimRoot(deps, person.claimId), person)
        found++
      }
    return found
  },
})
