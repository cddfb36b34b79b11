// Whatever is taken from an installation under load and comes back: nothing acknowledged is lost, nothing charged twice, every call ends, and nobody waits without an answer.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Cluster, startCluster } from '../support/cluster.ts'
import type { Kind } from '../support/cluster/load.ts'
import { type Answer, goesOn, kindsWith, outage, summary } from '../support/cluster/outage.ts'
import { clockOff, faketimeMissing } from '../support/cluster/process.ts'
import { missing, storesMissing, twoMayProject } from '../support/cluster/stores.ts'
import { until } from '../support/cluster/until.ts'

const READY_WITHIN_MS = 30_000
const timeout = 240_000

/** Left out, and said so in one line, where something is missing. */
function fault(title: string, without: string | undefined, run: () => Promise<void>): void {
  if (without === undefined) test(title, { timeout }, run)
  else test.skip(`${title}: ${without}`, () => undefined)
}
const say = (text: string) => process.stdout.write(`${text}\n`)

const served = (status: number): boolean => status >= 200 && status < 300
const refused = (status: number): boolean => status === 503

const people = ['register', 'login', 'refresh'] as const

/** Of each group of kinds some were answered so. */
function expectSome(
  answers: readonly Answer[],
  fits: (status: number) => boolean,
  ...groups: readonly (readonly Kind[])[]
): void {
  const found = kindsWith(answers, fits)
  expect(groups.filter((group) => !group.some((kind) => found.has(kind)))).toEqual([])
}

let cluster: Cluster
/** Calls that were held before have another process's death, or a sweep, to wait for: looked for last. */
let awaited = -1n

async function checkAndAwaitLater(): Promise<void> {
  await cluster.load.pause()
  await cluster.allReady(READY_WITHIN_MS)
  awaited = (await cluster.ledger()).position
  await cluster.check(awaited)
}

async function check(): Promise<void> {
  await cluster.load.pause()
  await cluster.allReady(READY_WITHIN_MS)
  await cluster.check(awaited)
}

function processes() {
  test('any process killed', { timeout }, async () => {
    await goesOn(cluster)
    // Of each role one after the other, so that whoever leads is among them.
    for (const n of [0, 1]) {
      const started: Promise<void>[] = []
      for (const role of ['project', 'api', 'work'] as const) {
        const one = cluster.of(role)[n]
        await one?.kill()
        await goesOn(cluster)
        if (one) started.push(one.start())
      }
      await Promise.all(started)
    }
    await checkAndAwaitLater()
  })
}

function wrongClocks() {
  fault('clocks that are five minutes off', faketimeMissing, async () => {
    const wrong = [cluster.of('api')[0], cluster.of('work')[0]]
    const restart = (settings = {}) =>
      Promise.all(
        wrong.map(async (one) => {
          expect(await one?.stop()).toBe(0)
          await one?.start(settings)
        }),
      )
    for (const seconds of [300, -300]) {
      await restart(clockOff(seconds))
      await goesOn(cluster)
      for (const one of wrong)
        expect(one && (await cluster.readiness(one))).toMatchObject({
          status: 503,
          failing: expect.arrayContaining(['clock']) as unknown,
        })
      await goesOn(cluster)
      await cluster.check(awaited)
    }
    await restart()
    await check()
  })
}

function withoutRedis() {
  const { stopSecond, startSecond } = secondProjector()

  test('Redis emptied while jobs wait', { timeout }, async () => {
    await stopSecond()
    const { redis } = cluster.stores
    await goesOn(cluster)
    cluster.upstream.otherwise({ ...cluster.answer, delayMs: 400 })
    const queue = `{${cluster.namespace}}:jobs:run-invocations:wait`
    await until('jobs wait', 30_000, async () => Number(await redis.command('LLEN', queue)) > 0)
    await redis.command('FLUSHALL')
    cluster.upstream.otherwise(cluster.answer)
    await goesOn(cluster)
    await checkAndAwaitLater()
  })

  test('Redis gone', { timeout }, async () => {
    const { redis } = cluster.stores
    const { all, known } = await outage(cluster, {
      take: () => redis.kill(),
      give: () => redis.start(),
      named: /^Redis$/,
    })
    say(`Redis gone: ${summary(all)}`)
    expectSome(known, served, ['invoke', 'stream'], ['async'], ['grant'], ['calls'], people)
    await startSecond()
    await checkAndAwaitLater()
  })
}

/** Without Redis nobody knows who has the lead, and all project. */
function secondProjector() {
  const second = () => cluster.of('project')[1]
  return {
    stopSecond: async () => void (twoMayProject || (await second()?.stop())),
    startSecond: async () => void (twoMayProject || (await second()?.start())),
  }
}

function withoutLog() {
  fault('answers of the log lost after the commit', missing.log, async () => {
    const { log } = cluster.stores
    for (const noun of ['account', 'invocation']) {
      await goesOn(cluster)
      const stream = `${cluster.namespace}.${noun}-`
      const from = performance.now()
      for (const kind of ['drop', 'timeout', 'drop', 'timeout', 'die'] as const)
        await log.fault({ kind, when: 'after-commit', times: 1, stream })
      // Faults happen in their order: when the last has happened all have.
      await log.exited()
      await log.restart()
      await goesOn(cluster)
      say(`answers to ${noun}s lost: ${summary(cluster.load.triesBetween(from))}`)
    }
    await check()
  })

  const away = (title: string, take: () => unknown, give: () => unknown) =>
    fault(title, missing.log, async () => {
      const { all, known } = await outage(cluster, { take, give, named: /^EventStoreDB$/ })
      say(`${title}: ${summary(all)}`)
      // Whatever changes something; and of the rest what is kept in mind or in the views.
      expectSome(known, refused, ['grant'], ['async', 'cancel'], people)
      expectSome(known, served, ['account', 'me'], ['calls'])
      for (const kind of kindsWith(known, served))
        expect(['account', 'calls', 'me']).toContain(kind)
      await check()
    })
  away(
    'the log gone',
    () => cluster.stores.log.kill(),
    () => cluster.stores.log.restart(),
  )
  away(
    'the log frozen',
    () => cluster.stores.log.freeze(),
    () => cluster.stores.log.thaw(),
  )
}

function withoutMongoDb() {
  fault('MongoDB gone', missing.mongo, async () => {
    const { mongo } = cluster.stores
    const { all, known } = await outage(cluster, {
      take: () => mongo.kill(),
      give: () => mongo.start(),
      named: /^MongoDB$/,
    })
    say(`MongoDB gone: ${summary(all)}`)
    // What needs neither a text, nor a new key, nor a view.
    expectSome(known, served, ['grant'], ['account'], ['me'])
    // What does.
    const needing = ['async', 'invoke', 'stream', 'calls', 'register'] as const
    expectSome(known, refused, ['async'], ['invoke', 'stream'], ['calls'])
    for (const kind of needing) expect([...kindsWith(known, served)]).not.toContain(kind)
    await check()
  })

  test('the views emptied', { timeout }, async () => {
    await goesOn(cluster)
    const from = performance.now()
    await cluster.stores.emptyDatabase(`${cluster.namespace}_views`)
    await goesOn(cluster)
    say(`views emptied: ${summary(cluster.load.triesBetween(from))}`)
    await check()
  })
}

if (storesMissing !== undefined) test.skip(`faults under load: ${storesMissing}`, () => undefined)
else
  describe('an installation under load outlives', () => {
    beforeAll(async () => {
      cluster = await startCluster()
    }, 90_000)
    afterAll(() => cluster?.close(), 30_000)
    processes()
    withoutRedis()
    withoutLog()
    withoutMongoDb()
    wrongClocks()
    test('all of it, and every call has ended', { timeout }, () => cluster.check())
  })
