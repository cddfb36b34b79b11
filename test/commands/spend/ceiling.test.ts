// However many calls run at once, in one process or several, with crashes in between: what they can cost
// the seller together is never above the ceiling, and what is left unused is at most a part of each.
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createIds } from '../../../src/adapters/ids.ts'
import { createSealer } from '../../../src/adapters/sealing.ts'
import { type Root, step } from '../../../src/commands/context.ts'
import { createEventCodec } from '../../../src/commands/event-codec.ts'
import { createSpend, type Spend, type SpendShare } from '../../../src/commands/spend/ceiling.ts'
import { createStreams } from '../../../src/commands/streams.ts'
import { catalogue } from '../../../src/domain/catalogue.ts'
import { SPEND_CEILING } from '../../../src/domain/policy/defaults.ts'
import { policySet } from '../../../src/domain/policy/policy-set.ts'
import { spendCeiling } from '../../../src/domain/spend-ceiling/spend-ceiling.ts'
import type { Engine } from '../../../src/ports/engine.ts'
import { Unavailable } from '../../../src/ports/unavailable.ts'
import { fakeClock } from '../../support/clock.ts'
import { openTemporary } from '../../support/embedded-engine.ts'
import { silent } from '../../support/silent.ts'

const ids = createIds()
const START = '2030-01-31T12:00:00.000Z'
const DAY = '2030-01-31'

async function setUp({ processes = 1, engine }: { processes?: number; engine?: Engine } = {}) {
  const opened = engine ?? (await openTemporary()).engine
  const masterKey = (await opened.keys.masterKey()) as Uint8Array
  const sealer = await createSealer({ keys: opened.keys, masterKey })
  const codec = createEventCodec(catalogue, { sealer, ids })
  const clock = fakeClock(START)
  const { events, snapshots } = opened
  const one = () => createStreams({ events, snapshots, codec, logger: silent, alone: false })
  const all = Array.from({ length: processes }, one)
  const streams = all[0] ?? one()
  const start = (index = 0, run = ids.random()): Spend =>
    createSpend(
      { streams: all[index] ?? streams, ids, clock, logger: silent },
      { runId: run, practice: false },
    )
  const setCeiling = async (amountNanos: bigint): Promise<void> => {
    const id = ids.random()
    const actor = { kind: 'operator' } as const
    const root: Root = { id, actor, at: START, correlationId: id, causationId: id }
    const changes = { amountNanos: amountNanos.toString() }
    await streams.transact(
      policySet('platform'),
      'platform',
      { type: 'ChangePolicy', policyId: SPEND_CEILING, changes, at: START },
      step(ids, root, 'change'),
    )
    const written = await opened.events.readStream('policySet-platform')
    for (const each of all) each.observe(written)
  }
  /** A look of its own: no process's memory. */
  const reserved = async (): Promise<bigint> =>
    (await one().load(spendCeiling, DAY)).state.reservedNanos
  return { clock, streams, start, setCeiling, reserved }
}

const call = (costNanos: bigint, at = START) => ({ at, costNanos })
const refused = { code: 'spend_ceiling_reached' }

describe('one process', () => {
  test('takes calls from a part of the ceiling, which grows while it needs more', async () => {
    const { start, setCeiling, reserved } = await setUp()
    await setCeiling(10_000n)
    const spend = start()
    const shares = [await spend.reserve(call(5n))]
    expect(await reserved()).toBe(10n)
    shares.push(await spend.reserve(call(5n)))
    expect(await reserved()).toBe(10n)
    for (const grown of [30n, 70n, 150n, 310n, 510n, 710n]) {
      while (shares.length < Number(grown) / 5) shares.push(await spend.reserve(call(5n)))
      expect(await reserved()).toBe(grown)
    }
    for (const share of shares) share.end(0n)
    await expect.poll(reserved).toBe(200n)
    for (let n = 0; n < 50; n++) (await spend.reserve(call(200n))).end(0n)
    expect(await reserved()).toBe(200n)
  })

  test('lets exactly as many through as there is room for, and says when to come back', async () => {
    const { start, setCeiling } = await setUp()
    await setCeiling(100n)
    const spend = start()
    const answers = await Promise.allSettled(
      Array.from({ length: 30 }, () => spend.reserve(call(7n))),
    )
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(14)
    await expect(spend.reserve(call(3n))).rejects.toMatchObject({
      ...refused,
      facts: { retryAfterSeconds: 12 * 60 * 60 },
    })
    await spend.reserve(call(2n))
  })

  test('what ended calls did not cost is there again, what they cost is not', async () => {
    const { start, setCeiling } = await setUp()
    await setCeiling(100n)
    const spend = start()
    const share = await spend.reserve(call(100n))
    share.end(40n)
    share.end(0n)
    await expect(spend.reserve(call(61n))).rejects.toMatchObject(refused)
    const rest = await spend.reserve(call(60n))
    // Nobody knows what it cost.
    rest.end()
    await expect(spend.reserve(call(1n))).rejects.toMatchObject(refused)
  })

  test('a raised ceiling bites at once, and so does a lowered one', async () => {
    const { start, setCeiling, reserved } = await setUp()
    await setCeiling(100n)
    const spend = start()
    const share = await spend.reserve(call(100n))
    await expect(spend.reserve(call(1n))).rejects.toMatchObject(refused)
    await setCeiling(150n)
    await spend.reserve(call(50n))
    share.end(0n)
    await setCeiling(60n)
    await expect(spend.reserve(call(11n))).rejects.toMatchObject(refused)
    await spend.reserve(call(10n))
    expect(await reserved()).toBe(60n)
  })

  test('every day has a ceiling of its own', async () => {
    const { start, setCeiling, clock } = await setUp()
    await setCeiling(100n)
    const spend = start()
    const late = await spend.reserve(call(100n))
    clock.advance(12 * 60 * 60_000)
    const tomorrow = clock.now().toISOString()
    await spend.reserve(call(100n, tomorrow))
    // It counts where it was admitted.
    late.end(0n)
    await expect(spend.reserve(call(1n, tomorrow))).rejects.toMatchObject(refused)
  })

  test('gives back at a stop what no call needs', async () => {
    const { start, setCeiling, reserved } = await setUp()
    await setCeiling(1_000n)
    const spend = start()
    const share = await spend.reserve(call(8n))
    await spend.reserve(call(5n))
    share.end(3n)
    await spend.stop()
    expect(await reserved()).toBe(8n)
  })

  test('gives back after a burst what others may need', async () => {
    const { start, setCeiling, reserved } = await setUp({ processes: 2 })
    await setCeiling(1_000n)
    const [here, there] = [start(0), start(1)]
    const shares = await Promise.all(Array.from({ length: 50 }, () => here.reserve(call(20n))))
    await expect(there.reserve(call(20n))).rejects.toMatchObject(refused)
    for (const share of shares) share.end(1n)
    await expect.poll(reserved).toBe(70n)
    await there.reserve(call(900n))
  })

  test('practice calls count nothing', async () => {
    const { streams, setCeiling, clock, reserved } = await setUp()
    await setCeiling(10n)
    const deps = { streams, ids, clock, logger: silent }
    const spend = createSpend(deps, { runId: ids.random(), practice: true })
    await spend.reserve(call(1_000n))
    expect(await reserved()).toBe(0n)
  })
})

test('a log that does not answer refuses the call, and loses nothing that was at hand', async () => {
  const { engine } = await openTemporary()
  let away = false
  const shaky: Engine = {
    ...engine,
    events: new Proxy(engine.events, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name)
        if (name === 'append' && away)
          return async () => {
            throw new Unavailable('event log')
          }
        return typeof value === 'function' ? (value.bind(target) as unknown) : value
      },
    }),
  }
  const { start, setCeiling } = await setUp({ engine: shaky })
  await setCeiling(20_000n)
  const spend = start()
  const share = await spend.reserve(call(15n))
  away = true
  await expect(spend.reserve(call(10n))).rejects.toThrow(Unavailable)
  await spend.reserve(call(5n))
  share.end(0n)
  await spend.reserve(call(15n))
  away = false
  await spend.reserve(call(19_980n))
  await expect(spend.reserve(call(1n))).rejects.toMatchObject(refused)
})

const plans = fc.array(
  fc.record({
    process: fc.nat(2),
    cost: fc.bigInt(1n, 60n),
    /** undefined: nobody learns it; the call's bound counts. */
    spent: fc.option(fc.bigInt(0n, 60n), { nil: undefined }),
    what: fc.constantFrom('call', 'call', 'call', 'end', 'end', 'crash', 'stop'),
  }),
  { minLength: 10, maxLength: 80 },
)

describe.each([1, 3])('%s processes', (processes) => {
  test('never spend more than the ceiling, whatever happens in whatever order', async () => {
    await fc.assert(
      fc.asyncProperty(plans, async (steps) => {
        const { start, setCeiling, reserved } = await setUp({ processes })
        const ceiling = 500n
        await setCeiling(ceiling)
        const spends = Array.from({ length: processes }, (_, index) => start(index))
        const open: { share: SpendShare; cost: bigint; process: number }[] = []
        let spent = 0n
        const held = () => open.reduce((sum, { cost }) => sum + cost, 0n)
        const running: Promise<unknown>[] = []
        for (const { process: wanted, cost, spent: known, what } of steps) {
          const process = wanted % processes
          const spend = spends[process] as Spend
          if (what === 'call') {
            running.push(
              spend.reserve(call(cost)).then(
                (share) => {
                  open.push({ share, cost, process })
                  expect(spent + held()).toBeLessThanOrEqual(ceiling)
                },
                (error: unknown) => expect(error).toMatchObject(refused),
              ),
            )
            continue
          }
          await Promise.all(running.splice(0))
          if (what === 'end') {
            const one = open.shift()
            if (!one) continue
            const real = known === undefined ? undefined : known % (one.cost + 1n)
            one.share.end(real)
            spent += real ?? one.cost
          } else if (what === 'stop') await spend.stop()
          else {
            // Its calls are lost; what they cost, nobody learns.
            for (const one of open) if (one.process === process) spent += one.cost
            open.splice(0, Infinity, ...open.filter((one) => one.process !== process))
            spends[process] = start(process)
          }
          expect(await reserved()).toBeLessThanOrEqual(ceiling)
        }
        await Promise.all(running)
        await Promise.all(spends.map((spend) => spend.stop()))
        expect(spent + held()).toBeLessThanOrEqual(await reserved())
        expect(await reserved()).toBeLessThanOrEqual(ceiling)
      }),
      { numRuns: 15 },
    )
  })

  test('at once spend all of it but a part of each', async () => {
    const { start, setCeiling } = await setUp({ processes })
    await setCeiling(5_000n)
    const spends = Array.from({ length: processes }, (_, index) => start(index))
    const answers = await Promise.allSettled(
      Array.from({ length: 900 }, (_, n) => (spends[n % processes] as Spend).reserve(call(10n))),
    )
    const through = answers.filter(({ status }) => status === 'fulfilled').length
    expect(through).toBeLessThanOrEqual(500)
    expect(through).toBeGreaterThanOrEqual(500 - 10 * (processes - 1))
    for (const one of answers)
      if (one.status === 'rejected') expect(one.reason).toMatchObject(refused)
  })
})
