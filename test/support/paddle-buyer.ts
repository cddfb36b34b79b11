/** Somebody who buys at a practice Paddle: what they ask of us, pay, and have there. */
import { expect } from 'vitest'
import type { Reply } from './app.ts'
import type { PaddleTest } from './paddle.ts'
import type { SignedIn } from './seed.ts'

/** Asked anew each time: both are another test's next. */
export function buyerOf(current: () => { readonly it: PaddleTest; readonly person: SignedIn }) {
  const ask = <T = Record<string, unknown>>(line: string, body?: unknown): Promise<Reply<T>> => {
    const { it, person } = current()
    return it.app.request<T>(line, {
      token: person.token,
      ...(body === undefined ? {} : { body }),
    })
  }
  /** The one that began last. */
  const subscription = () => [...current().it.paddle.account.books.subscriptions.values()].at(-1)
  return {
    ask,
    subscription,
    priceNow: () => {
      const items = subscription()?.items as { price: { id: string } }[] | undefined
      return items?.[0]?.price.id
    },
    account: async () => (await ask('GET /billing/account')).body,
    /** Opens a checkout and pays there. Answers the payment's id. */
    pay: async (line: string, body: object): Promise<string> => {
      const reply = await ask<{ checkout: { payment_id: string } }>(line, body)
      expect(reply.status).toBe(202)
      const id = reply.body.checkout.payment_id
      const { it } = current()
      it.paddle.account.pay(id)
      await it.settled()
      return id
    },
  }
}
