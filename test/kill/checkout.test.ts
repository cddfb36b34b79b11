// A server killed anywhere between a wish to pay and its answer: the repeat answers one page, and the provider has made one thing to pay for.
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { createIds } from '../../src/adapters/ids.ts'
import { startPracticePaddle } from '../../src/adapters/paddle/practice/server.ts'
import { planIdOf } from '../../src/commands/plan/plan-id.ts'
import {
  askApp,
  type CrashData,
  effectsOf,
  expectInvariants,
  logOf,
  openApp,
  prepareData,
  quiet,
} from '../support/crash-data.ts'
import { PRICE_ID } from '../support/crash-payments.ts'
import type { CrashPoint } from '../support/crash-server.ts'
import { ask, crashServers } from '../support/servers.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { after, before } from './flow.ts'

const SECRET = 'pdl_ntfset_01hv000000000000000000kill_AbCdEfGhIjKlMnOpQrStUvWx'

let upstream: Upstream
let data: CrashData
let servers: ReturnType<typeof crashServers>
beforeAll(async () => {
  servers = crashServers()
  upstream = await startUpstream()
  data = await prepareData(upstream)
})
afterAll(async () => {
  await servers.close()
  await upstream.close()
  await data.remove()
})

/** Where the server dies, and what the provider has made by then. */
const points: readonly (readonly [string, CrashPoint, number])[] = [
  ['before the provider is asked', after('CheckoutRequested'), 0],
  ['after the provider has made it', before('CheckoutOpened'), 1],
  ['before it is answered', after('CheckoutOpened'), 1],
]

test.each(points)('%s', async (_name, point, made) => {
  const price = { id: PRICE_ID, amount: '2000', currency: 'USD' }
  const paddle = await startPracticePaddle({
    prices: [{ ...price, cycle: { interval: 'month', frequency: 1 } }],
  })
  onTestFinished(() => paddle.close())
  const transactions = () => [...paddle.account.books.transactions.keys()]
  const environment = {
    ...data.environment(await data.copy()),
    BILLING: 'paddle',
    PADDLE_API_KEY: paddle.apiKey,
    PADDLE_API_URL: paddle.url,
    PADDLE_WEBHOOK_SECRET: SECRET,
  }
  const asked = {
    line: 'POST /billing/subscribe',
    key: 'subscribe-1',
    token: data.person.token,
    body: { plan_id: planIdOf(createIds(), 'sold') },
  }
  const server = await servers.start({ environment, point })
  await ask(server.url ?? '', asked)
  expect(await server.died).toEqual({ reached: true })
  expect(transactions()).toHaveLength(made)

  const app = await openApp(environment)
  try {
    const { status, text } = await askApp(app, asked)
    expect({ status, text }).toEqual({ status: 202, text: expect.stringContaining('"url"') })
    expect(transactions()).toHaveLength(1)
    expect(text).toContain(String(transactions()[0]))
    expect((await askApp(app, asked)).text).toBe(text)
    await quiet(app)
    const { CheckoutRequested, CheckoutOpened } = effectsOf(
      (await logOf(app)).filter(({ stream }) => stream === `payment-${data.person.orgId}`),
    )
    expect({ CheckoutRequested, CheckoutOpened }).toEqual({
      CheckoutRequested: 1,
      CheckoutOpened: 1,
    })
    await expectInvariants(app, { quiet: true, mustNotAppear: [...data.secrets, SECRET] })
  } finally {
    await app.stop()
  }
})
