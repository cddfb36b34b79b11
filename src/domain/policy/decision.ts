/**
 * What a decision is made of and what it says (decide.ts makes it): deny, or allow with the limits to
 * reserve and the budgets to keep, each with the rule that says so.
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
  /** The agent is the platform's: the plan says whether the organization may use it. */
  readonly sharedAgent?: boolean
  /** Every model that may answer, in the order in which they are tried. */
  readonly models?: readonly string[]
  /** Other names of these models: what a policy says of one it says of the model. */
  readonly aliases?: ReadonlyMap<string, readonly string[]>
  /** What the call may take in all, before it is known. */
  readonly expectedTokens?: number
  /**
   * Rules do not keep anybody from changing rules. `access`: an administrator at work, whom no
   * resource_access stops. `own`: whoever looks after an organization's policies, whom those do not bind.
   */
  readonly exempt?: 'access' | 'own'
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

/**
 * One budget that the account keeps, in the terms of HoldPlaced. What is spent per platform no account
 * knows: that is the spend ceiling's.
 */
export interface BudgetToKeep {
  readonly ruling: Ruling
  readonly per: Exclude<Budget['per'], 'platform'>
  readonly period: Budget['period']
  readonly amountNanos: string
  readonly hard: boolean
  readonly thresholds: readonly number[]
  /** Of a budget for these agents alone. */
  readonly agents?: readonly string[]
}

export type Decision =
  | { readonly effect: 'deny'; readonly ruling: Ruling }
  | {
      readonly effect: 'allow'
      readonly limits: readonly LimitToReserve[]
      readonly budgets: readonly BudgetToKeep[]
    }
