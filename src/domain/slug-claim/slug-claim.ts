/**
 * A slug has one holder in its scope. The append of the claim is the decision: whoever's is first has it,
 * and what is named by it (an agent, a plan) is made in its own stream after.
 */
import type { Decider } from '../decider.ts'
import { Refusal } from '../refusal.ts'
import type { SlugClaimEvent } from './events.ts'

type Claim = Extract<SlugClaimEvent, { type: 'SlugClaimed' }>['data']
/** undefined: free. */
export type SlugClaimState = Claim | undefined

export type SlugClaimCommand =
  | ({ readonly type: 'ClaimSlug' } & Readonly<Claim>)
  | { readonly type: 'ReleaseSlug'; readonly holderId: string; readonly at: string }

/** The id of the claim's stream. A scope has no dot. */
export const slugClaimId = (scope: string, slug: string): string => `${scope}.${slug}`

function decide(command: SlugClaimCommand, state: SlugClaimState): readonly SlugClaimEvent[] {
  switch (command.type) {
    case 'ClaimSlug': {
      const { type: _type, ...claim } = command
      if (!state) return [{ type: 'SlugClaimed', data: claim }]
      if (state.holderId === claim.holderId) return []
      throw new Refusal('slug_taken', { slug: claim.slug })
    }
    case 'ReleaseSlug': {
      // Only its holder gives it up: a late release must not free somebody else's.
      if (state?.holderId !== command.holderId) return []
      const { scope, slug, holderId } = state
      return [{ type: 'SlugReleased', data: { scope, slug, holderId, at: command.at } }]
    }
  }
}

function evolve(_state: SlugClaimState, { type, data }: SlugClaimEvent): SlugClaimState {
  switch (type) {
    case 'SlugClaimed':
      return data
    case 'SlugReleased':
      return undefined
  }
}

export const slugClaim: Decider<SlugClaimState, SlugClaimCommand, SlugClaimEvent> = {
  category: 'slugClaim',
  initial: () => undefined,
  decide,
  evolve,
}
