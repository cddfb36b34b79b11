/**
 * A plan and its versions. Publishing follows, never edits: an identical text is no news, and a
 * subscription keeps the version that it was made under until it is made again.
 */
import type { Decider } from '../decider.ts'
import { Refusal } from '../refusal.ts'
import { same } from '../same.ts'
import type { PlanEvent, PlanInput } from './events.ts'

export interface Plan {
  readonly planId: string
  /** In order of publishing: version n stands at n − 1. */
  readonly versions: readonly PlanInput[]
  readonly retired: boolean
}
/** undefined: nothing was ever published under this id. */
export type PlanState = Plan | undefined

export type PlanCommand =
  | ({ readonly type: 'PublishPlan'; readonly planId: string; readonly at: string } & PlanInput)
  | { readonly type: 'RetirePlan'; readonly at: string }

export interface PlanTerms {
  readonly planId: string
  readonly version: number
  readonly terms: PlanInput
}

/** The terms of a version, or the newest; undefined where there is no such version. */
export function termsOf(state: PlanState, version?: number): PlanTerms | undefined {
  const wanted = version ?? state?.versions.length ?? 0
  const terms = state?.versions[wanted - 1]
  return state && terms && { planId: state.planId, version: wanted, terms }
}

/** The terms that somebody new gets. @throws Refusal plan_not_found, plan_retired */
export function offeredTerms(state: PlanState): PlanTerms {
  const terms = termsOf(state)
  if (!state || !terms) throw new Refusal('plan_not_found')
  if (state.retired) throw new Refusal('plan_retired', { planId: state.planId })
  return terms
}

export const allowsAgent = (terms: PlanInput, agentId: string): boolean =>
  terms.agents === 'all' || terms.agents.includes(agentId)

function decide(command: PlanCommand, state: PlanState): readonly PlanEvent[] {
  switch (command.type) {
    case 'PublishPlan': {
      const { type: _type, planId, at, ...terms } = command
      if (state && !state.retired && same(state.versions.at(-1), terms)) return []
      const version = (state?.versions.length ?? 0) + 1
      return [{ type: 'PlanPublished', data: { planId, version, ...terms, at } }]
    }
    case 'RetirePlan': {
      if (!state) throw new Refusal('plan_not_found')
      const { planId } = state
      return state.retired ? [] : [{ type: 'PlanRetired', data: { planId, at: command.at } }]
    }
  }
}

function evolve(state: PlanState, { type, data }: PlanEvent): PlanState {
  switch (type) {
    case 'PlanPublished': {
      const { planId, version: _version, at: _at, ...terms } = data
      return { planId, versions: [...(state?.versions ?? []), terms], retired: false }
    }
    case 'PlanRetired':
      return state && { ...state, retired: true }
  }
}

export const plan: Decider<PlanState, PlanCommand, PlanEvent> = {
  category: 'plan',
  initial: () => undefined,
  decide,
  evolve,
}
