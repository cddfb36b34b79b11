/** What each event of an account does to its balance and to what is held. */
import type { AccountEvent } from '../domain/account/events.ts'
import type { ProjectedEvent } from './projection.ts'

/** What an event does to the account; signed nano-USD. */
export interface Effect {
  readonly balanceNanos: string
  readonly heldNanos: string
}

const minus = (nanos: string): string => (-BigInt(nanos)).toString()

/** By the stored contract of the account: repayments move lots and debt alike, the balance stays. */
export function effectOf(event: Pick<ProjectedEvent<unknown>, 'type' | 'data'>): Effect {
  // Only account events come here: the handlers are declared over them.
  const { type, data } = event as AccountEvent
  switch (type) {
    case 'BillingAccountOpened':
    case 'BudgetThresholdReached':
      return { balanceNanos: '0', heldNanos: '0' }
    case 'CreditGranted':
    case 'ChargeAdjusted':
      return { balanceNanos: data.amountNanos, heldNanos: '0' }
    case 'CreditRevoked':
    case 'CreditExpired':
      return { balanceNanos: minus(data.amountNanos), heldNanos: '0' }
    case 'HoldPlaced':
      return { balanceNanos: '0', heldNanos: data.amountNanos }
    case 'HoldSettled':
      return { balanceNanos: minus(data.chargeNanos), heldNanos: minus(data.holdNanos) }
    case 'HoldReleased':
      return { balanceNanos: '0', heldNanos: minus(data.holdNanos) }
  }
}
