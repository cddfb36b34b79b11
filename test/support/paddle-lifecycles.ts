/**
 * What happens to a customer at Paddle, as stories of a practice account, and what an organization has at
 * the end of each: counted by hand from the plans of `openPaddleShop`, not by the application.
 */
import { PracticeAccount } from '../../src/adapters/paddle/practice/account.ts'
import { prices } from './paddle.ts'
import type { Note } from './paddle-door.ts'

const DAY_MS = 24 * 60 * 60_000

export interface Story {
  readonly name: string
  /** Days before the application's time at which it begins. */
  readonly daysAgo: number
  readonly tell: (teller: Teller) => void
  readonly ends: Ending
}

export interface Ending {
  /** Of the subscription that the organization is told; none: it never had one. */
  readonly status: string | null
  readonly plan: 'team' | 'pro' | null
  readonly scheduled: string | null
  /** nano-USD that each payment stands for, in the order of the payments. */
  readonly credit: readonly string[]
  /** Of it what has not lapsed. */
  readonly balance: string
}

export interface Teller {
  readonly account: PracticeAccount
  readonly pass: (days: number) => void
  /** A checkout of the organization's, paid. Answers the payment and what it began. */
  readonly buy: (price: keyof typeof prices, customerId?: string) => Bought
}

interface Bought {
  readonly payment: string
  readonly subscription: string
}

export interface Told {
  readonly notes: readonly Note[]
  /** Payments that the organization's own checkouts opened. */
  readonly payments: readonly string[]
}

export function tell(story: Story, now: Date): Told {
  let time = now.getTime() - story.daysAgo * DAY_MS
  const payments: string[] = []
  const account = new PracticeAccount({ prices: Object.values(prices), now: () => new Date(time) })
  const pass = (days: number) => void (time += days * DAY_MS)
  story.tell({
    account,
    pass,
    buy(price, customerId) {
      const items = [{ price_id: prices[price].id, quantity: 1 }]
      const { id: payment } = account.open({ items, customer_id: customerId })
      payments.push(payment)
      account.pay(payment)
      return { payment, subscription: account.books.transaction(payment).subscription_id ?? '' }
    },
  })
  return { notes: account.books.events, payments }
}

const TRIAL = '2500000000'
const TEAM = '10000000000'
const PRO = '40000000000'
const PENDING = { scheduled: null } as const

export const stories: readonly Story[] = [
  {
    name: 'a trial, then the first period',
    daysAgo: 20,
    tell({ account, buy, pass }) {
      const { subscription } = buy('tried')
      pass(14)
      account.renew(subscription)
    },
    ends: { ...PENDING, status: 'active', plan: 'team', credit: [TRIAL, TEAM], balance: TEAM },
  },
  {
    name: 'a dearer plan from the middle of a period on',
    daysAgo: 16,
    tell({ account, buy, pass }) {
      const { subscription } = buy('team')
      pass(15)
      const items = [{ price_id: prices.pro.id, quantity: 1 }]
      account.change(subscription, items, 'prorated_immediately')
    },
    ends: {
      ...PENDING,
      status: 'active',
      plan: 'pro',
      // 16 of 31 days are left of the period: 516129 millionths of 30 USD.
      credit: [TEAM, '15483870000'],
      balance: '25483870000',
    },
  },
  {
    name: 'a payment that fails and is made after all',
    daysAgo: 35,
    tell({ account, buy, pass }) {
      const { subscription } = buy('team')
      pass(31)
      account.renew(subscription, { fails: true })
      pass(2)
      account.recover(subscription)
    },
    ends: { ...PENDING, status: 'active', plan: 'team', credit: [TEAM, TEAM], balance: TEAM },
  },
  {
    name: 'a payment that fails for good',
    daysAgo: 35,
    tell({ account, buy, pass }) {
      const { subscription } = buy('team')
      pass(31)
      account.renew(subscription, { fails: true })
    },
    ends: { ...PENDING, status: 'past_due', plan: 'team', credit: [TEAM], balance: '0' },
  },
  {
    name: 'a pause and what comes after it',
    daysAgo: 20,
    tell({ account, buy, pass }) {
      const { subscription } = buy('team')
      pass(5)
      account.pause(subscription, 'immediately')
      pass(10)
      account.resume(subscription)
    },
    ends: {
      ...PENDING,
      status: 'active',
      plan: 'team',
      credit: [TEAM, TEAM],
      balance: '20000000000',
    },
  },
  {
    name: 'a top-up of which a quarter goes back',
    daysAgo: 3,
    tell({ account, buy, pass }) {
      const { payment } = buy('topUp')
      pass(1)
      // Of 12.00 with tax.
      account.decide(account.refund(payment, 300n), 'approved')
      account.decide(account.refund(payment, 100n), 'rejected')
    },
    ends: { ...PENDING, status: null, plan: null, credit: ['7500000000'], balance: '7500000000' },
  },
  {
    name: 'a top-up that the bank takes back, and another one that the seller wins again',
    daysAgo: 9,
    tell({ account, buy, pass }) {
      const { payment } = buy('topUp')
      pass(1)
      account.chargeback(payment)
      const { payment: second } = buy('topUp')
      pass(1)
      const back = account.chargeback(second)
      pass(1)
      account.reverseChargeback(back)
    },
    ends: { ...PENDING, status: null, plan: null, credit: ['0', TEAM], balance: TEAM },
  },
  {
    name: 'an end that is agreed and has not come',
    daysAgo: 5,
    tell({ account, buy }) {
      account.cancel(buy('pro').subscription, 'next_billing_period')
    },
    ends: { status: 'active', plan: 'pro', scheduled: 'cancel', credit: [PRO], balance: PRO },
  },
  {
    name: 'an end with the period',
    daysAgo: 35,
    tell({ account, buy, pass }) {
      const { subscription } = buy('pro')
      account.cancel(subscription, 'next_billing_period')
      pass(31)
      account.renew(subscription)
    },
    ends: { ...PENDING, status: 'canceled', plan: 'pro', credit: [PRO], balance: '0' },
  },
  {
    name: 'an end at once, the money back, and a return with a new subscription',
    daysAgo: 12,
    tell({ account, buy, pass }) {
      const { payment, subscription } = buy('team')
      pass(2)
      account.cancel(subscription, 'immediately')
      account.decide(account.refund(payment), 'approved')
      pass(3)
      buy('pro', account.books.transaction(payment).customer_id ?? undefined)
    },
    ends: { ...PENDING, status: 'active', plan: 'pro', credit: ['0', PRO], balance: PRO },
  },
]
