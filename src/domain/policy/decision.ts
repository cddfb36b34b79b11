/**
 * One decision for each request, pure: deny, or allow with the limits to reserve and the budgets to keep.
 * Order: a denying policy of the platform, then one of the organization, the plan, then the limits. Deny
 * wins; nothing that an organization says can widen what the platform allows.
 */
import type { OrganizationRole } from '../organization/events.ts'
import type { Budget, LimitedAction, PolicyTerms, RateLimit, Ruling } from './events.ts'

/** A policy as a decision reads it. */
export interface Policy<T extends PolicyTerms = PolicyTerms> {
  readonly policyId: string
  readonly version: number
  readonly terms: T
}

/** What a decision is made of. Everything that is not known at the door is left out. */
export interface Subject {
  readonly action: LimitedAction
  /** As the route declares them. */
  readonly resource: string
  readonly act: string
  readonly orgId?: string
  readonly userId?: string
  readonly keyId?: string
  readonly role?: OrganizationRole | 'key'
  /** HMAC of the caller's own end user. */
  readonly endUser?: string
  readonly ip?: string
  /** HMAC of the address. */
  readonly address?: string
  readonly agentId?: string
  readonly model?: string
  /** What the call may take in all, before it is known. */
  readonly expectedTokens?: number
}

/** One rate limit that the request has to pass. `key` names the counter, without the installation. */
export interface LimitToReserve {
  readonly ruling: Ruling
  readonly key: string
  readonly measure: RateLimit['measure']
  readonly per: RateLimit['per']
  readonly limit: number
  readonly windowSeconds: number
  readonly burst: number | undefined
  readonly units: number
}

/** One budget that the account keeps, in the terms of HoldPlaced. */
export interface BudgetToKeep {
  readonly ruling: Ruling
  readonly per: Budget['per']
  readonly period: Budget['period']
  readonly amountNanos: string
  readonly hard: boolean
  readonly thresholds: readonly number[]
}

export type Decision =
  | { readonly effect: 'deny'; readonly ruling: Ruling }
  | {
      readonly effect: 'allow'
      readonly limits: readonly LimitToReserve[]
      readonly budgets: readonly BudgetToKeep[]
    }
