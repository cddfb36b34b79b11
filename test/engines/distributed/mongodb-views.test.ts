// Views in MongoDB are right without transactions: crashes between two writes, several writers, removal.
import { afterAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { openViewStore } from '../../../src/engines/distributed/view-store.ts'
import type { ViewCollection, ViewStore } from '../../../src/ports/view-store.ts'
import { foldBatch } from '../../../src/projections/fold.ts'
import { put, unique, versionsOf } from '../../contracts/harness.ts'
import { dropMongoDatabases, freshNamespace, isFerretDb, needs } from '../../support/distributed.ts'
import { silent } from '../../support/silent.ts'
import { between } from './mongodb-between.ts'
import { counter, countsOf, endOf, expected, notes } from './mongodb-counting.ts'
import { type MongoParts, openMongoParts } from './mongodb-parts.ts'

const namespace = freshNamespace()
const ferretDb = await isFerretDb()

/** One process. */
async function open(): Promise<MongoParts> {
  const parts = await openMongoParts({ namespace })
  onTestFinished(() => parts.close())
  return parts
}

/** A view store of the same process whose writes to the checkpoints fail while `broken` is set. */
async function breakable({ views }: MongoParts['mongo']) {
  const state = { broken: false }
  const db = between(views, (collection, write) =>
    state.broken && collection === 'checkpoints'
      ? () => Promise.reject(new Error('the process dies here'))
      : write,
  )
  const store = await openViewStore({ db, logger: silent })
  onTestFinished(() => store.close())
  return { views: store.views, state }
}

/** Processes whose writes wait for each other, as if each of them were atomic. */
async function takingTurns({ views }: MongoParts['mongo'], processes: number) {
  let turn: Promise<unknown> = Promise.resolve()
  const db = between(views, (_collection, write) => (...given) => {
    const written = turn.then(() => write(...given))
    turn = written.catch(() => undefined)
    return written
  })
  const stores = await Promise.all(
    Array.from({ length: processes }, () => openViewStore({ db, logger: silent })),
  )
  onTestFinished(() => stores.forEach((store) => store.close()))
  return stores.map((store) => store.views)
}

const plain = (name = unique('plain')): ViewCollection => ({ name, version: 1, indexes: {} })
const doc = (key: string, document: unknown, position: bigint) => ({ key, document, position })

needs('MONGODB_URL')('views in MongoDB', () => {
  afterAll(() => dropMongoDatabases(namespace))

  describe('a crash between the documents and the checkpoint', () => {
    test('changes nothing that is counted, however the events come again', async () => {
      const { mongo } = await open()
      const projection = counter()
      const events = notes(60)
      const { views, state } = await breakable(mongo)
      await foldBatch(views, projection, projection, events.slice(0, 20), 58n)
      state.broken = true
      const dying = foldBatch(views, projection, projection, events.slice(20, 40), 118n)
      await expect(dying).rejects.toThrow('dies here')

      const next = (await open()).views
      expect(await next.checkpoint(projection)).toBe(58n)
      expect(await countsOf(next, projection)).toEqual(expected(events.slice(0, 40)))
      for (const [from, to] of [
        [20, 33],
        [33, 52],
        [52, 60],
      ] as const) {
        const batch = events.slice(from, to)
        await foldBatch(next, projection, projection, batch, endOf(batch))
      }
      expect(await countsOf(next, projection)).toEqual(expected(events))
      expect(await next.checkpoint(projection)).toBe(endOf(events))
    })

    test('of the very first batch leaves a view that is not listed and begins at the beginning', async () => {
      const { mongo } = await open()
      const { views, state } = await breakable(mongo)
      const [view, beside] = [plain(), plain()]
      await put(views, view, [], 1n)
      await views.drop(view)
      state.broken = true
      await expect(put(views, beside, [doc('a', { n: 1 }, 5n)], 5n)).rejects.toThrow('dies here')
      const next = (await open()).views
      expect(await versionsOf(next, beside.name)).toEqual([])
      expect(await next.checkpoint(beside)).toBeUndefined()
      await put(next, beside, [doc('a', { n: 1 }, 5n)], 5n)
      expect(await next.get(beside, 'a')).toEqual({ n: 1 })
    })
  })

  describe('two writers', () => {
    const many = notes(400, 11)
    /** One writer of the whole log, in batches of a size that differs from the other's. */
    const writeAll = async (
      views: ViewStore,
      projection: ReturnType<typeof counter>,
      size: number,
    ) => {
      for (let from = 0; from < many.length; from += size) {
        const batch = many.slice(from, from + size)
        await foldBatch(views, projection, projection, batch, endOf(batch))
      }
    }

    test('one after the other write everything once', async () => {
      const projection = counter()
      for (const size of [37, 10, 64]) {
        const { views } = await open()
        await writeAll(views, projection, size)
        expect(await countsOf(views, projection)).toEqual(expected(many))
      }
    })

    const allAtOnce = async (writers: readonly ViewStore[]) => {
      const projection = counter()
      const sizes = [7, 16, 5]
      await Promise.all(writers.map((views, n) => writeAll(views, projection, sizes[n] ?? 1)))
      const { views } = await open()
      expect(await countsOf(views, projection)).toEqual(expected(many))
      expect(await views.checkpoint(projection)).toBe(endOf(many))
    }

    test('at once write everything once, where one write follows the other', async () => {
      for (let round = 0; round < 3; round++)
        await allAtOnce(await takingTurns((await open()).mongo, 3))
    })

    const atOnce = 'at once write everything once'
    const title = ferretDb
      ? `${atOnce} (left out: FerretDB compares before it writes, not while it writes)`
      : atOnce
    test.skipIf(ferretDb)(title, async () => {
      for (let round = 0; round < 5; round++) {
        const [one, two] = [await open(), await open()]
        await allAtOnce([one.views, two.views, two.views])
      }
    })

    test('make a new view at once: there is one of it', async () => {
      const view = plain()
      const [one, two] = [await open(), await open()]
      await Promise.all([
        put(one.views, view, [doc('a', { n: 1 }, 1n)], 1n),
        put(two.views, view, [doc('b', { n: 2 }, 2n)], 1n),
      ])
      const { views } = await open()
      expect((await views.scan(view, { limit: 9 })).map(({ key }) => key)).toEqual(['a', 'b'])
      expect(await versionsOf(views, view.name)).toEqual([{ version: 1, checkpoint: 1n }])
    })

    test('leave nothing behind of views that no longer move together', async () => {
      const [x, y, z] = [plain(), plain(), plain()]
      const { mongo, views } = await open()
      const move = (some: ViewCollection[], checkpoint: bigint) =>
        views.putMany(some.map((view) => ({ view, documents: [], checkpoint })))
      const records = mongo.views.db.collection('checkpoints')
      const groups = async () =>
        (await records.find({ members: { $exists: true } }).toArray()).map(({ members }) =>
          [x, y, z].filter(({ name }) => String(members).includes(name)),
        )
      await move([x, y], 5n)
      expect(await groups()).toContainEqual([x, y])
      await records.updateMany(
        { members: { $exists: true } },
        { $set: { movedAt: new Date(Date.now() - 3_600_000) } },
      )
      await move([x, z], 6n)
      expect((await groups()).filter((group) => group.length > 0)).toEqual([[x, z]])
      const after = (await open()).views
      expect(await Promise.all([x, y, z].map((view) => after.checkpoint(view)))).toEqual([
        6n,
        5n,
        6n,
      ])
    })

    test('never take a checkpoint back, whether views move alone or together', async () => {
      const [x, y, z] = [plain(), plain(), plain()]
      const [one, two, three] = [await open(), await open(), await open()]
      const move = (views: ViewStore, some: ViewCollection[], checkpoint: bigint) =>
        views.putMany(some.map((view) => ({ view, documents: [], checkpoint })))
      const reached = async () => {
        const { views } = await open()
        return Promise.all([x, y, z].map((view) => views.checkpoint(view)))
      }
      // The others believe what they have just seen: only the writes themselves can know better.
      await move(two.views, [x, y, z], 1n)
      await move(three.views, [x], 2n)
      await move(one.views, [x, y, z], 10n)
      await move(one.views, [x], 11n)
      await move(two.views, [x, y, z], 5n)
      await move(three.views, [x], 7n)
      expect(await reached()).toEqual([11n, 10n, 10n])
      await move(two.views, [x, y], 9n)
      expect(await reached()).toEqual([11n, 10n, 10n])
      await move(one.views, [x], 20n)
      await move(two.views, [x, y, z], 15n)
      expect(await reached()).toEqual([20n, 15n, 15n])
      await move(one.views, [y, z], 30n)
      expect(await reached()).toEqual([20n, 30n, 30n])
    })
  })

  describe('another process', () => {
    test('sees each step of a writer, documents before the checkpoint', async () => {
      const [writer, reader] = [(await open()).views, (await open()).views]
      const views = [plain(), plain(), plain()]
      for (let n = 1n; n <= 5n; n++) {
        await writer.putMany(
          views.map((view) => ({
            view,
            documents: [doc('a', { n: Number(n) }, n)],
            checkpoint: n,
          })),
        )
        for (const { name } of views)
          expect(await versionsOf(reader, name)).toEqual([{ version: 1, checkpoint: n }])
        for (const view of views) expect(await reader.get(view, 'a')).toEqual({ n: Number(n) })
      }
    })

    test('that still reads a dropped view finds it as it was; it is listed no longer', async () => {
      const [writer, reader] = [(await open()).views, (await open()).views]
      const view = plain()
      await put(writer, view, [doc('a', { n: 1 }, 1n)], 1n)
      expect(await reader.get(view, 'a')).toEqual({ n: 1 })
      await writer.drop(view)
      expect(await reader.get(view, 'a')).toEqual({ n: 1 })
      expect(await versionsOf(reader, view.name)).toEqual([])
      expect(await reader.get(view, 'a')).toBeUndefined()
    })

    test('that filled a dropped version again is not in the way of what is left of it', async () => {
      const { mongo } = await open()
      const collections = async () =>
        (await mongo.views.db.listCollections().toArray()).map(({ name }) => name)
      const view = plain()
      const of = async () => (await collections()).filter((name) => name.includes(view.name))
      const short = await openViewStore({ db: mongo.views, logger: silent, keepDroppedMs: 0 })
      onTestFinished(() => short.close())
      await put(short.views, view, [doc('a', { n: 1 }, 9n)], 9n)
      const [first] = await of()
      await short.views.drop(view)
      await put(short.views, view, [doc('a', { n: 2 }, 1n)], 1n)
      await vi.waitFor(async () => expect(await of()).not.toContain(first))
      expect(await of()).toHaveLength(1)
      expect(await short.views.get(view, 'a')).toEqual({ n: 2 })
    })

    test('removes what a stop has left behind of dropped views', async () => {
      const { mongo, views } = await open()
      const view = plain()
      await put(views, view, [doc('a', { n: 1 }, 1n)], 1n)
      await views.drop(view)
      const of = async () =>
        (await mongo.views.db.listCollections().toArray()).filter(({ name }) =>
          name.includes(view.name),
        )
      expect(await of()).toHaveLength(1)
      const later = await openViewStore({ db: mongo.views, logger: silent, keepDroppedMs: 0 })
      onTestFinished(() => later.close())
      await vi.waitFor(async () => expect(await of()).toEqual([]))
    })
  })

  test('emptied under a writer stop it, and it begins anew when it is opened again', async () => {
    const own = freshNamespace()
    onTestFinished(() => dropMongoDatabases(own))
    const parts = await openMongoParts({ namespace: own })
    const view = plain()
    const beside = plain()
    const both = (checkpoint: bigint) =>
      [view, beside].map((one) => ({
        view: one,
        documents: [doc('a', { n: Number(checkpoint) }, checkpoint)],
        checkpoint,
      }))
    await parts.views.putMany(both(1n))
    await parts.mongo.views.db.dropDatabase()
    await expect(parts.views.putMany(both(2n))).rejects.toThrow(/removed while .* start again/)
    await expect(put(parts.views, view, [], 3n)).rejects.toThrow(/removed while/)
    await parts.close()
    const next = await openMongoParts({ namespace: own })
    onTestFinished(() => next.close())
    expect(await next.views.checkpoint(view)).toBeUndefined()
    await next.views.putMany(both(1n))
    expect(await next.views.get(view, 'a')).toEqual({ n: 1 })
  })

  test('keep every byte of a document: names, order and numbers that BSON would change', async () => {
    const { views } = await open()
    const view = plain()
    const document = {
      z: 1,
      'a.b': { $set: [1.0, 1e21, -0.1, 0.1 + 0.2, 2 ** 53] },
      $where: 'x',
      10: 'ten',
      9: '\u0000 \ud83d\ude00',
      _id: null,
      text: 'ё',
    }
    await put(
      views,
      view,
      [doc('$key.with "everything"', document, 2n ** 60n + 1n)],
      2n ** 60n + 1n,
    )
    const [row] = await views.scan(view, { limit: 1 })
    expect(JSON.stringify(row?.document)).toBe(JSON.stringify(document))
    expect(row?.position).toBe(2n ** 60n + 1n)
    expect(await views.checkpoint(view)).toBe(2n ** 60n + 1n)
  })

  test('whose indexes were changed without a new version are refused', async () => {
    const { views } = await open()
    const view = plain()
    await put(views, view, [], 1n)
    const changed = { ...view, indexes: { byA: { equals: ['a'] } } }
    const said = 'a view with other indexes is a new version'
    await expect(views.get(changed, 'a')).rejects.toThrow(said)
    await expect(put(views, changed, [], 2n)).rejects.toThrow(said)
  })

  test('leave a snapshot out that no document can hold', async () => {
    const { snapshots } = await open()
    await snapshots.save('large', 1, 5, { text: 'x'.repeat(9 * 1024 * 1024) })
    expect(await snapshots.load('large', 1)).toBeUndefined()
  })
})
