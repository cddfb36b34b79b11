/** A catalogue to sell from, over HTTP as an administrator does it. */
import type { TestApp } from './app.ts'
import { signIn, type SignedIn } from './seed.ts'

export const prices = (perMillion: string) => ({
  input_uncached: perMillion,
  input_cached: perMillion,
  output: perMillion,
  reasoning: perMillion,
})

export const priceList = (change: Record<string, unknown> = {}) => ({
  name: 'standard',
  entries: [{ model: 'small', cost: prices('0.10'), price: prices('0.20') }],
  ...change,
})

export const plan = (change: Record<string, unknown> = {}) => ({
  name: 'Free',
  slug: 'free',
  prices: { price_list: 'standard' },
  included_credit: { amount: '1.00', kind: 'included', period: 'month' },
  trial: { amount: '2.50', days: 14 },
  grace_days: 3,
  free: true,
  agents: 'all',
  limits: {},
  self_subscribe: true,
  ...change,
})

export interface Shop {
  readonly administrator: SignedIn
  /** Publishes and answers the plan's id. */
  publishPlan(change?: Record<string, unknown>): Promise<string>
}

/** An administrator and a price list; plans on demand. */
export async function openShop(test: TestApp): Promise<Shop> {
  const administrator = await signIn(test, { administrator: true })
  const { token } = administrator
  const listed = await test.request('POST /admin/price-lists', { token, body: priceList() })
  if (listed.status !== 201) throw new Error(listed.text)
  return {
    administrator,
    async publishPlan(change = {}) {
      const reply = await test.request<{ id: string }>('POST /admin/plans', {
        token,
        body: plan(change),
      })
      if (reply.status > 201) throw new Error(reply.text)
      return reply.body.id
    },
  }
}
