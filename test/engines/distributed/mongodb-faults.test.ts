// What MongoDB has confirmed outlives its death, and while it is away every answer comes in bounded time.
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { openMongo } from '../../../src/engines/distributed/mongodb/connection.ts'
import { Unavailable } from '../../../src/ports/unavailable.ts'
import type { ViewCollection } from '../../../src/ports/view-store.ts'
import { foldBatch } from '../../../src/projections/fold.ts'
import { bytes, put } from '../../contracts/harness.ts'
import { freshNamespace } from '../../support/distributed.ts'
import { counter, countsOf, endOf, expected, notes } from './mongodb-counting.ts'
import { type MongoParts, openMongoParts } from './mongodb-parts.ts'
import { ferretDbMissing, mongoServer } from './mongodb-server.ts'

const namespace = freshNamespace()
const wrapped = (text: string) => ({ wrapped: bytes(text), masterKeyId: 'm1' })
const view: ViewCollection = { name: 'things', version: 1, indexes: {} }

async function server(options?: { started: boolean }) {
  const own = await mongoServer(options)
  onTestFinished(() => own.close())
  return own
}

async function open(url: string): Promise<MongoParts> {
  const parts = await openMongoParts({ namespace, url })
  onTestFinished(() => parts.close())
  return parts
}

/** One call of every kind that a request waits for, and one of what runs behind them. */
const calls = ({ contents, keys, views, snapshots }: MongoParts) => ({
  'a part is stored': () => contents.put('new', bytes('new')),
  'a part is read': () => contents.get('known'),
  'parts are listed': () => contents.list({ prefix: '', limit: 5 }),
  'parts are deleted': () => contents.delete(['unknown']),
  'a key is made': () => keys.create('new', wrapped('new')),
  'a key is read': () => keys.get('known'),
  'a key is destroyed': () => keys.destroy('unknown'),
  'a document is read': () => views.get(view, 'known'),
  'documents are looked up': () => views.getMany(view, ['known']),
  'the positions are read': () => views.collections(),
  'a snapshot is read': () => snapshots.load('known', 1),
  'a snapshot is stored': () => snapshots.save('known', 1, 2, {}),
})

async function fill({ contents, keys, views, snapshots }: MongoParts): Promise<void> {
  await contents.put('known', bytes('known'))
  await keys.create('known', wrapped('known'))
  await put(views, view, [{ key: 'known', document: { n: 1 }, position: 1n }], 1n)
  await snapshots.save('known', 1, 1, {})
}

/** Every call fails as unavailable within the time that a request waits. */
async function allUnavailable(parts: MongoParts): Promise<void> {
  await Promise.all(
    Object.entries(calls(parts)).map(async ([what, call]) => {
      const began = performance.now()
      const error: unknown = await call().then(
        () => 'it was answered',
        (thrown: unknown) => thrown,
      )
      expect({ what, error }).toEqual({ what, error: expect.any(Unavailable) })
      expect((error as Unavailable).service).toBe('MongoDB')
      expect(performance.now() - began).toBeLessThan(3_000)
    }),
  )
}

async function allAnswered(parts: MongoParts): Promise<void> {
  await vi.waitFor(() => parts.views.collections(), { timeout: 15_000, interval: 50 })
  for (const call of Object.values(calls(parts))) await call()
}

if (ferretDbMissing !== undefined) {
  test.skip(`a MongoDB that fails: ${ferretDbMissing}`, () => undefined)
} else {
  describe('a MongoDB that fails', () => {
    test('loses nothing that it has confirmed when it is killed under writes', async () => {
      const mongo = await server()
      const parts = await open(mongo.url)
      const confirmed = { parts: [] as string[], keys: [] as string[], end: -1n }
      const projection = counter()
      const events = notes(5_000)
      /** One after the other; what is left unfinished by the death does not count. */
      const untilItFails = async (write: (n: number) => Promise<void>) => {
        for (let n = 0; ; n++) {
          try {
            await write(n)
          } catch (error) {
            return error
          }
        }
      }
      const writing = Promise.all([
        untilItFails(async (n) => {
          await parts.contents.put(`part ${n}`, bytes(`part ${n}`))
          confirmed.parts.push(`part ${n}`)
        }),
        untilItFails(async (n) => {
          await parts.keys.create(`key ${n}`, wrapped(`key ${n}`))
          confirmed.keys.push(`key ${n}`)
        }),
        untilItFails(async (n) => {
          const batch = events.slice(n * 9, n * 9 + 9)
          await foldBatch(parts.views, projection, projection, batch, endOf(batch))
          confirmed.end = endOf(batch)
        }),
      ])
      await vi.waitFor(() => {
        expect(confirmed.parts.length).toBeGreaterThan(20)
        expect(confirmed.keys.length).toBeGreaterThan(20)
        expect(confirmed.end).toBeGreaterThan(100n)
      }, 20_000)
      await mongo.kill()
      for (const error of await writing) expect(error).toBeInstanceOf(Unavailable)
      await mongo.start()

      const { contents, keys, views } = await open(mongo.url)
      for (const key of confirmed.parts)
        expect(Buffer.from((await contents.get(key)) ?? []).toString()).toBe(key)
      for (const id of confirmed.keys) {
        const key = await keys.get(id)
        expect(key && 'wrapped' in key && Buffer.from(key.wrapped).toString()).toBe(id)
      }
      const reached = (await views.checkpoint(projection)) ?? -1n
      expect(reached).toBeGreaterThanOrEqual(confirmed.end)
      const rest = events.filter(({ position }) => position > reached)
      await foldBatch(views, projection, projection, rest, endOf(events))
      expect(await countsOf(views, projection)).toEqual(expected(events))
    })

    test('is unavailable while it is gone, and used again when it is back', async () => {
      const mongo = await server()
      const parts = await open(mongo.url)
      await fill(parts)
      await mongo.kill()
      await allUnavailable(parts)
      const [health] = await parts.mongo.health()
      expect(health).toEqual({ service: 'MongoDB', ok: false, detail: expect.any(String) })
      await mongo.start()
      await allAnswered(parts)
      expect(await parts.mongo.health()).toEqual([{ service: 'MongoDB', ok: true }])
    })

    test('is unavailable while it stands still, and used again when it goes on', async () => {
      const mongo = await server()
      const parts = await open(mongo.url)
      await fill(parts)
      await mongo.freeze()
      // First its connections are open and silent, later it is known to be away.
      for (let round = 0; round < 2; round++) await allUnavailable(parts)
      mongo.thaw()
      await allAnswered(parts)
    })

    test('is waited for at the start', async () => {
      const mongo = await server({ started: false })
      const opening = openMongo({ mongodbUrl: mongo.url, namespace })
      await mongo.start()
      const opened = await opening
      onTestFinished(() => opened.close())
      expect(await opened.health()).toEqual([{ service: 'MongoDB', ok: true }])
    })

    test('goes away and comes back in the middle of a batch, which is then given again', async () => {
      const mongo = await server()
      const { views } = await open(mongo.url)
      const projection = counter()
      const events = notes(300)
      await foldBatch(
        views,
        projection,
        projection,
        events.slice(0, 100),
        endOf(events.slice(0, 100)),
      )
      const giving = foldBatch(views, projection, projection, events.slice(100), endOf(events))
      await mongo.kill()
      await giving.catch((error: unknown) => expect(error).toBeInstanceOf(Unavailable))
      await mongo.start()
      await vi.waitFor(() => views.collections(), { timeout: 15_000 })
      await foldBatch(views, projection, projection, events.slice(100), endOf(events))
      expect(await countsOf(views, projection)).toEqual(expected(events))
    })

    test('takes no part that a document could not hold', async () => {
      const { contents } = await open((await server()).url)
      const part = new Uint8Array(16 * 1024 * 1024)
      await expect(contents.put('large', part)).rejects.toThrow(TypeError)
      await contents.put('large', part.subarray(0, 15 * 1024 * 1024))
      expect((await contents.get('large'))?.byteLength).toBe(15 * 1024 * 1024)
    })
  })
}
