/** The whole application with BILLING=paddle beside a practice Paddle, which plays in the test's time. */
import {
  startPracticePaddle,
  type PracticePaddle,
} from '../../src/adapters/paddle/practice/server.ts'
import type { PracticePrice } from '../../src/adapters/paddle/practice/entities.ts'
import type { Overrides } from '../../src/app.ts'
import { startTestApp, type TestApp } from './app.ts'
import { quiet } from './crash-data.ts'
import { openShop, type Shop } from './commerce.ts'

export const SECRET = 'pdl_ntfset_01hv000000000000000000test_AbCdEfGhIjKlMnOpQrStUvWx'
export const API_KEY = 'pdl_sdbx_apikey_0123456789abcdef'

const month = { interval: 'month', frequency: 1 } as const
/** What the plans of `openPaddleShop` are paid with. */
export const prices = {
  team: {
    id: 'pri_team',
    amount: '3000',
    currency: 'USD',
    overrides: { EUR: '2800' },
    cycle: month,
  },
  pro: { id: 'pri_pro', amount: '9000', currency: 'USD', cycle: month },
  tried: { id: 'pri_tried', amount: '3000', currency: 'USD', cycle: month, trialDays: 14 },
  topUp: { id: 'pri_topup', amount: '1000', currency: 'USD' },
} as const satisfies Record<string, PracticePrice>

export interface PaddleTest {
  readonly app: TestApp
  readonly paddle: PracticePaddle
  /** Opens the port, and has the practice Paddle send its notifications there. */
  connect(): Promise<void>
  /** What was told is received and applied, and the views have it. */
  settled(): Promise<void>
  stop(): Promise<void>
}

export async function startPaddleTest(
  environment: Readonly<Record<string, string>> = {},
  overrides: Overrides = {},
): Promise<PaddleTest> {
  let app: TestApp | undefined
  const paddle = await startPracticePaddle({
    prices: Object.values(prices),
    apiKey: API_KEY,
    now: () => app?.clock.now() ?? new Date(),
  })
  const settings = {
    BILLING: 'paddle',
    PADDLE_API_KEY: API_KEY,
    PADDLE_API_URL: paddle.url,
    PADDLE_WEBHOOK_SECRET: SECRET,
    ...environment,
  }
  app = await startTestApp(settings, overrides)
  return {
    app,
    paddle,
    async connect() {
      const url = `${await app.listen()}/webhooks/paddle`
      paddle.sendTo({ url, secrets: [SECRET], now: () => app.clock.now() })
    },
    async settled() {
      await paddle.delivery.idle()
      await quiet(app.app)
    },
    async stop() {
      await paddle.close()
      await app.stop()
    },
  }
}

export interface PaddleShop extends Shop {
  /** Ids of the plans, by slug. `free` is everybody's and sells credit. */
  readonly plans: { readonly free: string; readonly team: string; readonly pro: string }
}

/** A cent paid before tax is a cent of credit. */
const soldAt = (...priceIds: readonly string[]) => ({
  prices: priceIds.map((price_id) => ({ price_id })),
  top_up_prices: [prices.topUp.id],
  credit_per_minor_unit: { USD: '0.01', EUR: '0.011' },
})

export async function openPaddleShop(app: TestApp): Promise<PaddleShop> {
  const shop = await openShop(app)
  const sold = (slug: string, included: string, ...priceIds: readonly string[]) =>
    shop.publishPlan({
      slug,
      name: slug,
      free: false,
      included_credit: { amount: included, kind: 'included', period: 'month' },
      payment: soldAt(...priceIds),
    })
  return {
    ...shop,
    plans: {
      free: await shop.publishPlan({ payment: soldAt() }),
      team: await sold('team', '10.00', prices.team.id, prices.tried.id),
      pro: await sold('pro', '40.00', prices.pro.id),
    },
  }
}
