/** Kills a server between a wish to pay and its answer, on either engine. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createIds } from '../../src/adapters/ids.ts'
import { startPracticePaddle } from '../../src/adapters/paddle/practice/server.ts'
import { planIdOf } from '../../src/commands/plan/plan-id.ts'
import {
  askApp,
  type CrashData,
  crashData,
  effectsOf,
  expectInvariants,
  logOf,
  quiet,
} from '../support/crash-data.ts'
import { PRICE_ID } from '../support/crash-payments.ts'
import type { CrashPoint } from '../support/crash-server.ts'
import type { KillEngine, Sites } from '../support/kill-engines.ts'
import { ask, crashServers } from '../support/servers.ts'
import { after, before } from './flow.ts'

const SECRET = 'pdl_ntfset_01hv000000000000000000kill_AbCdEfGhIjKlMnOpQrStUvWx'

/** Where the server dies, and what the provider has made by then. */
const points: readonly (readonly [string, CrashPoint, number])[] = [
  ['before the provider is asked', after('CheckoutRequested'), 0],
  ['after the provider has made it', before('CheckoutOpened'), 1],
  ['before it is answered', after('CheckoutOpened'), 1],
]

interface Ground {
  readonly engine: KillEngine
  readonly servers: ReturnType<typeof crashServers>
  readonly sites: Sites<CrashData>
}

/** Declares the tests. */
export function killCheckouts(engine: KillEngine): void {
  let ground: Ground
  beforeAll(() => {
    ground = { engine, servers: crashServers(engine.name), sites: engine.sites(crashData) }
  })
  afterAll(async () => {
    await ground.servers.close()
    await ground.sites.close()
  })
  describe('a checkout', engine.suite, () => {
    test.each(points)('%s', async (_name, point, made) => killAt(ground, point, made))
  })
}

async function killAt(
  { engine, servers, sites }: Ground,
  point: CrashPoint,
  made: number,
): Promise<void> {
  const { seeded, ...site } = await sites.fresh()
  const price = { id: PRICE_ID, amount: '2000', currency: 'USD' }
  const paddle = await startPracticePaddle({
    prices: [{ ...price, cycle: { interval: 'month', frequency: 1 } }],
  })
  try {
    const transactions = () => [...paddle.account.books.transactions.keys()]
    const environment = {
      ...site.environment,
      PRACTICE_MODEL: 'on',
      BILLING: 'paddle',
      PADDLE_API_KEY: paddle.apiKey,
      PADDLE_API_URL: paddle.url,
      PADDLE_WEBHOOK_SECRET: SECRET,
    }
    const asked = {
      line: 'POST /billing/subscribe',
      key: 'subscribe-1',
      token: seeded.person.token,
      body: { plan_id: planIdOf(createIds(), 'sold') },
    }
    const server = await servers.start({ environment, point })
    await ask(server.url ?? '', asked)
    expect(await server.died).toEqual({ reached: true })
    expect(transactions()).toHaveLength(made)

    const app = await engine.open(environment)
    try {
      const { status, text } = await askApp(app, asked)
      expect({ status, text }).toEqual({ status: 202, text: expect.stringContaining('"url"') })
      expect(transactions()).toHaveLength(1)
      expect(text).toContain(String(transactions()[0]))
      expect((await askApp(app, asked)).text).toBe(text)
      await quiet(app)
      const payments = `payment-${seeded.person.orgId}`
      const { CheckoutRequested, CheckoutOpened } = effectsOf(
        (await logOf(app)).filter(({ stream }) => stream === payments),
      )
      expect({ CheckoutRequested, CheckoutOpened }).toEqual({
        CheckoutRequested: 1,
        CheckoutOpened: 1,
      })
      await expectInvariants(app, { quiet: true, mustNotAppear: [...seeded.secrets, SECRET] })
    } finally {
      await app.stop()
    }
  } finally {
    await paddle.close()
    await site.remove()
  }
}
