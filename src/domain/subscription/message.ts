/** What a provider says of a subscription, and what it was asked: the two that its state follows from. */
import type { SubscriptionStatus } from './events.ts'

/** What a subscription is said to be by one message; what only some say is absent in others. */
export interface Message {
  readonly status: SubscriptionStatus
  /** Where it says canceled: access ends here. */
  readonly endsAt?: string
  readonly planId?: string
  readonly planVersion?: number
  readonly graceDays?: number
  readonly startedAt?: string
  readonly customerId?: string
  readonly periodStart?: string
  readonly periodEnd?: string
  readonly scheduled?: Scheduled
  readonly occurredAt: string
  readonly eventId: string
}

/** A change of plan that was asked of the provider: it may never have been carried out. */
export interface PlanChange {
  readonly planId: string
  readonly planVersion: number
  readonly priceId: string
  readonly fromPlanId: string
  readonly fromPlanVersion: number
  readonly fromPriceId: string
  readonly effective: 'now' | 'period_end'
  /** The end of the time that was paid for. */
  readonly effectiveAt?: string
  readonly at: string
}

export interface Asked {
  readonly what: 'change' | 'cancel' | 'continue'
  readonly at: string
}

/** A change that is agreed with the provider and still to come. */
export interface Scheduled {
  readonly change: 'cancel' | 'pause' | 'resume'
  readonly at: string
}
