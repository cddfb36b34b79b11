/**
 * Whole lifecycles of a customer at Paddle, told by a practice account: from the payment of a checkout
 * that is open here to their end. They are dated so that their last notification happened just now.
 */
import { PracticeAccount } from './account.ts'
import type { Notification } from './books.ts'
import type { PracticePrice } from './entities.ts'

export interface Cast {
  /** The open checkout's; it is paid for in the scenario. */
  readonly transactionId: string
  readonly quantity: number
  readonly customData: Readonly<Record<string, unknown>>
  readonly price: PracticePrice
  /** What is changed to. */
  readonly other?: PracticePrice | undefined
  /** When the last thing happens. */
  readonly end: Date
}

interface Stage {
  readonly account: PracticeAccount
  readonly cast: Cast
  readonly pass: (days: number) => void
  /** Pays for the checkout. Answers what that began; for credit nothing. */
  readonly pay: () => string
}

interface Scenario {
  readonly description: string
  /** What its checkout is for. */
  readonly buys: 'plan' | 'top_up'
  readonly trialDays?: number
  /** It changes to another plan. */
  readonly changes?: true
  /** From the payment to the end. */
  readonly days: number
  readonly play: (stage: Stage) => void
}

const MONTH = 31

export const scenarios: Readonly<Record<string, Scenario>> = {
  subscribe: {
    description: 'a checkout is paid and the plan begins',
    buys: 'plan',
    days: 0,
    play: ({ pay }) => void pay(),
  },
  trial: {
    description: 'a trial of 14 days, then the first payment',
    buys: 'plan',
    trialDays: 14,
    days: 15,
    play({ account, pay, pass }) {
      const subscription = pay()
      pass(14)
      account.renew(subscription)
    },
  },
  renewal: {
    description: 'a second period is paid',
    buys: 'plan',
    days: MONTH + 1,
    play({ account, pay, pass }) {
      const subscription = pay()
      pass(MONTH)
      account.renew(subscription)
    },
  },
  upgrade: {
    description: 'a dearer plan in the middle of the period, the difference paid at once',
    buys: 'plan',
    changes: true,
    days: 15,
    play({ account, cast, pay, pass }) {
      const subscription = pay()
      pass(15)
      const items = [{ price_id: cast.other?.id ?? cast.price.id, quantity: 1 }]
      account.change(subscription, items, 'prorated_immediately')
    },
  },
  'past-due': {
    description: 'a renewal whose payment fails, and succeeds three days later',
    buys: 'plan',
    days: MONTH + 3,
    play({ account, pay, pass }) {
      const subscription = pay()
      pass(MONTH)
      account.renew(subscription, { fails: true })
      pass(3)
      account.recover(subscription)
    },
  },
  pause: {
    description: 'paused at once, resumed after a week',
    buys: 'plan',
    days: 17,
    play({ account, pay, pass }) {
      const subscription = pay()
      pass(10)
      account.pause(subscription, 'immediately')
      pass(7)
      account.resume(subscription)
    },
  },
  refund: {
    description: 'half of the payment goes back',
    buys: 'plan',
    days: 2,
    play({ account, cast, pay, pass }) {
      pay()
      pass(1)
      const { total } = account.books.transaction(cast.transactionId).details.totals
      const refund = account.refund(cast.transactionId, BigInt(total) / 2n)
      pass(1)
      account.decide(refund, 'approved')
    },
  },
  chargeback: {
    description: 'the bank takes the payment back; the seller wins it again',
    buys: 'plan',
    days: 20,
    play({ account, cast, pay, pass }) {
      pay()
      pass(10)
      const taken = account.chargeback(cast.transactionId)
      pass(10)
      account.reverseChargeback(taken)
    },
  },
  cancel: {
    description: 'canceled at the end of the period, and that end',
    buys: 'plan',
    days: MONTH,
    play({ account, pay, pass }) {
      const subscription = pay()
      pass(5)
      account.cancel(subscription, 'next_billing_period')
      pass(MONTH - 5)
      account.renew(subscription)
    },
  },
  'top-up': {
    description: 'credit is bought once',
    buys: 'top_up',
    days: 0,
    play: ({ pay }) => void pay(),
  },
}

const DAY_MS = 24 * 60 * 60_000

/** Every notification, in Paddle's order. */
export function playScenario(scenario: Scenario, cast: Cast): readonly Notification[] {
  const { trialDays } = scenario
  let time = cast.end.getTime() - scenario.days * DAY_MS
  const price = trialDays === undefined ? cast.price : { ...cast.price, trialDays }
  const account = new PracticeAccount({
    prices: [price, ...(cast.other ? [cast.other] : [])],
    now: () => new Date(time),
  })
  const items = [{ price_id: price.id, quantity: cast.quantity }]
  account.open({ items, custom_data: cast.customData }, cast.transactionId)
  scenario.play({
    account,
    cast,
    pass: (days) => void (time += days * DAY_MS),
    pay() {
      account.pay(cast.transactionId)
      return account.books.transaction(cast.transactionId).subscription_id ?? ''
    },
  })
  return account.books.events
}
