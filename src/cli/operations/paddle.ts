/** `paddle list`, `replay`, `dismiss`, `reconcile`, `simulate`: what Paddle told us, and what it might. */
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { type App, playScenario, postNotification, scenarios } from '../../app.ts'
import {
  dismissPaddleEvent,
  dismissPaddleEvents,
} from '../../commands/paddle-event/dismiss-paddle-event.ts'
import { reconcileEntity } from '../../commands/paddle-event/reconcile-entity.ts'
import { reconcileEvents } from '../../commands/paddle-event/reconcile-events.ts'
import {
  reopenPaddleEvent,
  reopenPaddleEvents,
} from '../../commands/paddle-event/reopen-paddle-event.ts'
import {
  simulatedCheckout,
  type SimulatedCheckout,
  soldPlans,
} from '../../commands/paddle-event/simulated-checkout.ts'
import { askProvider } from '../../commands/payment/ask-provider.ts'
import { idSchema, instantText } from '../../domain/ids.ts'
import { MAX_NOTE, paddleIdText, parkedReasons } from '../../domain/paddle-event/events.ts'
import { paddleEventStatuses } from '../../domain/paddle-event/paddle-event.ts'
import { listPaddleEvents } from '../../projections/paddle-events.ts'
import { type Line, operation, OperationFailed } from '../operation.ts'
import { operatorRoot } from './operator.ts'

const list = operation({
  name: 'paddle.list',
  input: z.strictObject({
    status: z.enum(paddleEventStatuses).optional(),
    limit: z.int().min(1).max(1_000).default(50),
  }),
  async run({ deps }, { status, limit }, tell) {
    const by = status === undefined ? {} : ({ by: 'status', value: status } as const)
    const { items } = await listPaddleEvents(deps.views, { ...by, limit })
    for (const one of items)
      tell({
        kind: 'row',
        row: {
          event_id: one.eventId,
          type: one.eventType,
          status: one.status,
          reason: one.note === undefined ? (one.reason ?? '') : `dismissed: ${one.note}`,
          waits_for: (one.waitsFor ?? []).join(' '),
          entity_id: one.entityId ?? '',
          organization: one.orgId ?? '',
          source: one.source,
          received_at: one.receivedAt,
        },
      })
  },
})

const replay = operation({
  name: 'paddle.replay',
  input: z.union([
    z.strictObject({ eventId: paddleIdText }),
    z.strictObject({ from: z.string(), to: z.string() }),
  ]),
  async run({ deps }, input, tell) {
    const root = operatorRoot(deps)
    if ('eventId' in input) {
      await reopenPaddleEvent(deps, root, input.eventId)
      tell({ kind: 'row', row: { reopened: 1 } })
      return
    }
    const { reopened, next } = await reopenPaddleEvents(deps, root, input)
    tell({ kind: 'row', row: { reopened, ...(next === undefined ? {} : { next }) } })
  },
})

const note = z.string().trim().min(1).max(MAX_NOTE)

const dismiss = operation({
  name: 'paddle.dismiss',
  input: z.union([
    z.strictObject({ eventId: paddleIdText, note }),
    z.strictObject({
      note,
      reason: z.enum(parkedReasons).optional(),
      from: instantText.optional(),
      before: instantText,
    }),
  ]),
  async run({ deps }, input, tell) {
    const root = operatorRoot(deps)
    if ('eventId' in input) {
      await dismissPaddleEvent(deps, root, input)
      tell({ kind: 'row', row: { dismissed: 1 } })
      return
    }
    const { dismissed, next } = await dismissPaddleEvents(deps, root, input)
    tell({ kind: 'row', row: { dismissed, ...(next === undefined ? {} : { next }) } })
  },
})

const reconcile = operation({
  name: 'paddle.reconcile',
  input: z.strictObject({ entityId: paddleIdText.optional() }),
  async run({ deps }, { entityId }, tell, signal) {
    const root = operatorRoot(deps)
    if (entityId !== undefined) {
      const { differences, event } = await reconcileEntity(deps, root, entityId)
      tell({
        kind: 'row',
        row: { entity_id: entityId, differences, status: event?.status ?? 'same' },
      })
      return
    }
    const all = { read: 0, missed: 0 }
    for (let more = true; more && !signal.aborted;) {
      const page = await askProvider(deps, 'read events', (it) => reconcileEvents(deps, it, root))
      all.read += page.read
      all.missed += page.missed
      more = page.more
    }
    tell({ kind: 'row', row: all })
  },
})

const listScenarios = operation({
  name: 'paddle.scenarios',
  input: z.strictObject({}),
  async run(_app, _input, tell) {
    for (const [scenario, { description }] of Object.entries(scenarios))
      tell({ kind: 'row', row: { scenario, what: description } })
  },
})

const simulation = z.strictObject({
  scenario: z.string(),
  url: z.url().optional(),
  organization: idSchema('organization').optional(),
  transaction: paddleIdText.optional(),
  plan: z.string().max(64).optional(),
  to: z.string().max(64).optional(),
  amount: z
    .string()
    .regex(/^[1-9]\d{0,11}$/, 'minor units: cents')
    .default('3000'),
  currency: z
    .string()
    .regex(/^[A-Z]{3}$/)
    .default('USD'),
})
type Simulation = z.output<typeof simulation>

const simulate = operation({
  name: 'paddle.simulate',
  input: simulation,
  async run(app, input, tell, signal) {
    const { deps, config } = app
    const scenario = Object.hasOwn(scenarios, input.scenario)
      ? scenarios[input.scenario]
      : undefined
    if (!scenario) throw new OperationFailed(`no scenario is called ${input.scenario}`, 64)
    const secret = secretFor(config)
    if (input.organization === undefined && input.transaction === undefined)
      throw new OperationFailed('say for whom: --organization org_… or --transaction txn_…', 64)
    const purpose = scenario.buys
    const { organization: orgId, transaction: paymentId, plan } = input
    const wish = { purpose, orgId, paymentId, plan }
    const checkout = await simulatedCheckout(deps, operatorRoot(deps), wish)
    const other = scenario.changes ? await otherPrice(app, checkout, input) : undefined
    const notifications = playScenario(scenario, {
      transactionId: checkout.paymentId,
      quantity: checkout.quantity,
      customData: { organization_id: checkout.orgId, checkout_id: checkout.checkoutId },
      price: { id: checkout.priceId, ...price(input, purpose === 'plan') },
      other: other === undefined ? undefined : { id: other, ...dearer(input) },
      end: deps.clock.now(),
    })
    const url = new URL('/webhooks/paddle', input.url ?? deps.settings.publicUrl).href
    const receiver = { url, secrets: [secret], now: () => deps.clock.now() }
    for (const one of notifications) {
      if (signal.aborted) return
      const status = await send(receiver, JSON.stringify(one))
      tell(rowOf(one, status))
      if (status !== 200)
        throw new OperationFailed(
          `${url} answered ${status === 0 ? 'nothing' : String(status)}: is it a Daybook with this secret?`,
        )
    }
  },
})

const rowOf = (
  {
    event_type: type,
    event_id: eventId,
    occurred_at,
    data,
  }: ReturnType<typeof playScenario>[number],
  status: number,
): Line => ({
  kind: 'row',
  row: { type, occurred_at, entity_id: data['id'], event_id: eventId, answered: status },
})

/** Simulated money must not become credit where real money does. */
function secretFor(config: App['config']): string {
  const { PADDLE_WEBHOOK_SECRET: secret, PADDLE_ENVIRONMENT, PADDLE_API_URL } = config
  if (secret === undefined)
    throw new OperationFailed('PADDLE_WEBHOOK_SECRET is not set: nothing can be signed', 78)
  if (PADDLE_ENVIRONMENT === 'live' && PADDLE_API_URL === undefined)
    throw new OperationFailed('PADDLE_ENVIRONMENT is live: nothing is simulated there', 78)
  return secret
}

const price = ({ amount, currency }: Simulation, recurring: boolean) => ({
  amount,
  currency,
  ...(recurring ? { cycle: { interval: 'month', frequency: 1 } as const } : {}),
})
const dearer = (input: Simulation) => ({
  ...price(input, true),
  amount: String(BigInt(input.amount) * 3n),
})

async function otherPrice(
  { deps }: App,
  { priceId }: SimulatedCheckout,
  { to }: Simulation,
): Promise<string> {
  const others = (await soldPlans(deps)).filter(
    ({ terms: { slug, payment } }) =>
      (to === undefined || slug === to) &&
      payment?.prices.some((one) => one.priceId !== priceId) === true,
  )
  const worth = ({ terms }: (typeof others)[number]) =>
    BigInt(terms.includedCredit?.amountNanos ?? '0')
  const [best] = others.sort((a, b) => (worth(a) < worth(b) ? 1 : -1))
  const found = best?.terms.payment?.prices.find((one) => one.priceId !== priceId)
  if (!found) throw new OperationFailed('another plan with a price is needed: --to SLUG', 64)
  return found.priceId
}

/** One that is just starting is given a moment. */
async function send(to: Parameters<typeof postNotification>[0], body: string): Promise<number> {
  for (let attempt = 0; ; attempt++) {
    const status = await postNotification(to, body)
    if (attempt === 2 || (status !== 0 && status < 500 && status !== 429)) return status
    await delay(500)
  }
}

export const paddleOperations = [list, replay, dismiss, reconcile, listScenarios, simulate]
