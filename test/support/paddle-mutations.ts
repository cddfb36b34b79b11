/** The routes about events of Paddle that change something: `Rows` as in mutations.ts. */
import { sign } from '../../src/adapters/paddle/signature.ts'
import { receivePaddleEvent } from '../../src/commands/paddle-event/receive-paddle-event.ts'
import { ANOTHER_TARGET, type Rows, type World } from './mutations.ts'
import { SECRET } from './paddle.ts'
import { note, paddleId } from './paddle-door.ts'
import { operatorRoot } from './seed.ts'

const aProduct = () => note('product.updated', { id: paddleId('pro') })
const reopened = { PaddleEventReopened: 1, PaddleEventIgnored: 1 }
const platform = ({ administrator }: World) => ({ token: administrator.token })

let minutes = 0
/** One that was received long ago, in a minute of its own, and ignored. */
async function anOldOne({ test }: World) {
  const { deps } = test.app
  const from = new Date(Date.UTC(2020, 0, 1, 0, ++minutes)).toISOString()
  const message = { text: JSON.stringify(aProduct()), source: 'webhook' } as const
  const { eventId } = await receivePaddleEvent(deps, { ...operatorRoot(deps), at: from }, message)
  await test.settled()
  await test.app.workers.sweep()
  return { eventId, from, to: from.replace(':00.000Z', ':59.000Z') }
}

/** One that is parked for ever: nobody knows whose it is. */
async function aParkedOne({ test }: World) {
  const { deps } = test.app
  const from = new Date(Date.UTC(2019, 0, 1, 0, ++minutes)).toISOString()
  const data = { id: paddleId('adj'), action: 'refund', status: 'approved', totals: { total: '1' } }
  const refund = note('adjustment.created', {
    ...data,
    transaction_id: paddleId('txn'),
    currency_code: 'USD',
  })
  const message = { text: JSON.stringify(refund), source: 'webhook' } as const
  const { eventId } = await receivePaddleEvent(deps, { ...operatorRoot(deps), at: from }, message)
  await test.settled()
  await test.app.workers.sweep()
  return { eventId, from, before: from.replace(':00.000Z', ':59.000Z') }
}

export const paddleRows: Rows = {
  'POST /webhooks/paddle': ({ test }) => {
    const body = aProduct()
    const signature = sign(JSON.stringify(body), [SECRET], test.clock.now())
    return {
      wish: { line: 'POST /webhooks/paddle', body, headers: { 'paddle-signature': signature } },
      why: 'the id of the event is its key',
      status: 200,
      effects: { PaddleEventReceived: 1, PaddleEventIgnored: 1 },
    }
  },
  'POST /admin/paddle-events/reconcile': (world) => ({
    wish: {
      ...platform(world),
      line: 'POST /admin/paddle-events/reconcile',
      body: { entity_id: 'sub_01hv000000000000000000none' },
    },
    why: 'these installations ask no provider; with one: test/workers/reconcile-paddle.test.ts',
    mayDiffer: ['request_id'],
    status: 409,
    effects: {},
  }),
  'POST /admin/paddle-events/{id}/replay': async (world) => {
    const { eventId } = await anOldOne(world)
    const line = `POST /admin/paddle-events/${eventId}/replay`
    return {
      wish: { ...platform(world), line },
      why: ANOTHER_TARGET,
      status: 200,
      effects: reopened,
    }
  },
  'POST /admin/paddle-events/{id}/dismiss': async (world) => {
    const { eventId } = await aParkedOne(world)
    const line = `POST /admin/paddle-events/${eventId}/dismiss`
    return {
      wish: { ...platform(world), line, body: { note: 'another product’s' } },
      other: { body: { note: 'nobody’s' } },
      status: 200,
      effects: { PaddleEventIgnored: 1 },
    }
  },
  'POST /admin/paddle-events/dismiss': async (world) => {
    const { from, before } = await aParkedOne(world)
    const body = { note: 'another product’s', from, before }
    return {
      wish: { ...platform(world), line: 'POST /admin/paddle-events/dismiss', body },
      why: 'what is dismissed already is not dismissed again, whoever asks',
      mayDiffer: ['dismissed'],
      status: 200,
      effects: { PaddleEventIgnored: 1 },
    }
  },
  'POST /admin/paddle-events/replay': async (world) => {
    const { from, to } = await anOldOne(world)
    return {
      wish: { ...platform(world), line: 'POST /admin/paddle-events/replay', body: { from, to } },
      other: { body: { from, to: from.replace(':00.000Z', ':58.000Z') } },
      status: 202,
      effects: reopened,
    }
  },
}
