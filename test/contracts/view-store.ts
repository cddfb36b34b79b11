/** Views: documents with positions, declared look-ups with cursors, versions beside each other. */
import { describe, expect, test } from 'vitest'
import type { ViewCollection } from '../../src/ports/view-store.ts'
import { newEvents, put, unique, versionsOf } from './harness.ts'
import type { OpenEngine } from './harness.ts'

const newView = (version = 1, name = unique('invocations')): ViewCollection => ({
  name,
  version,
  indexes: {
    byOrg: { equals: ['orgId'], orderBy: 'at' },
    byOrgAndStatus: { equals: ['orgId', 'status'], orderBy: 'at' },
    byEmail: { equals: ['email'] },
    newest: { equals: [], orderBy: 'at' },
  },
})
const doc = (key: string, document: unknown, position = 1n) => ({ key, document, position })
const keysOf = (rows: readonly { key: string }[]) => rows.map(({ key }) => key)

export function viewDocumentContract(open: OpenEngine): void {
  describe('view documents', () => {
    test('are given back as they were put', async () => {
      const { views } = (await open()).engine
      const view = newView()
      const document = { text: 'ё "quoted"', n: 1.5, deep: { list: [1, null, true] }, no: null }
      await put(views, view, [doc('a', document)], 1n)
      expect(await views.get(view, 'a')).toEqual(document)
      expect(await views.get(view, 'b')).toBeUndefined()
    })
    test('of a view that was never written are not there', async () => {
      const { views } = (await open()).engine
      const view = newView()
      expect(await views.get(view, 'a')).toBeUndefined()
      expect(await views.getMany(view, ['a'])).toEqual(new Map())
      expect(await views.find(view, { index: 'newest', equals: {}, limit: 5 })).toEqual([])
      expect(await views.scan(view, { limit: 5 })).toEqual([])
      expect(await views.checkpoint(view)).toBeUndefined()
      expect(await versionsOf(views, view.name)).toEqual([])
    })
    test('come many at once, those that exist', async () => {
      const { views } = (await open()).engine
      const view = newView()
      await put(views, view, [doc('a', { n: 1 }), doc('b', { n: 2 })], 1n)
      expect(await views.getMany(view, ['b', 'c', 'a'])).toEqual(
        new Map([
          ['a', { document: { n: 1 }, position: 1n }],
          ['b', { document: { n: 2 }, position: 1n }],
        ]),
      )
    })
    test('leave their position when they are deleted', async () => {
      const { views } = (await open()).engine
      const view = newView()
      await put(views, view, [doc('a', { n: 1 })], 1n)
      await put(views, view, [doc('a', undefined, 2n)], 2n)
      expect(await views.getMany(view, ['a'])).toEqual(
        new Map([['a', { document: undefined, position: 2n }]]),
      )
    })
    test('change only to a later position', async () => {
      const { views } = (await open()).engine
      const view = newView()
      await put(views, view, [doc('a', { n: 5 }, 5n)], 5n)
      await put(views, view, [doc('a', { n: 4 }, 4n)], 5n)
      await put(views, view, [doc('a', { n: 55 }, 5n)], 5n)
      expect(await views.get(view, 'a')).toEqual({ n: 5 })
      await put(views, view, [doc('a', { n: 6 }, 6n)], 6n)
      expect(await views.get(view, 'a')).toEqual({ n: 6 })
    })
    test('of several views are put at once, new and known ones, twice without a difference', async () => {
      const { views } = (await open()).engine
      const [known, fresh, idle] = [newView(), newView(), newView()]
      await put(views, known, [doc('a', { n: 1 })], 1n)
      await put(views, idle, [doc('a', { n: 9 })], 1n)
      const batches = [
        {
          view: known,
          documents: [doc('a', { n: 2 }, 2n), doc('b', { n: 3 }, 3n)],
          checkpoint: 3n,
        },
        { view: fresh, documents: [doc('a', { n: 4 }, 3n)], checkpoint: 3n },
        { view: idle, documents: [], checkpoint: 3n },
      ]
      for (let time = 0; time < 2; time++) {
        await views.putMany(batches)
        expect(await views.get(known, 'a')).toEqual({ n: 2 })
        expect(await views.get(known, 'b')).toEqual({ n: 3 })
        expect(await views.get(fresh, 'a')).toEqual({ n: 4 })
        expect(await views.get(idle, 'a')).toEqual({ n: 9 })
        for (const view of [known, fresh, idle]) expect(await views.checkpoint(view)).toBe(3n)
      }
      await views.putMany([])
    })
    test('that cannot be stored leave nothing of their batch behind', async () => {
      const { views } = (await open()).engine
      const view = newView()
      const circular: Record<string, unknown> = {}
      circular['self'] = circular
      const bad = { view, documents: [doc('a', circular)], checkpoint: 1n }
      await expect(views.putMany([bad])).rejects.toThrow()
      expect(await views.checkpoint(view)).toBeUndefined()
      await views.putMany([{ ...bad, documents: [doc('a', { n: 1 })] }])
      expect(await views.get(view, 'a')).toEqual({ n: 1 })
    })
    test('disappear when put as undefined, and older events do not bring them back', async () => {
      const { views } = (await open()).engine
      const view = newView()
      await put(views, view, [doc('a', { email: 'x' }, 1n)], 1n)
      await put(views, view, [doc('a', undefined, 2n)], 2n)
      await put(views, view, [doc('a', { email: 'x' }, 1n)], 2n)
      expect(await views.get(view, 'a')).toBeUndefined()
      expect((await views.getMany(view, ['a'])).get('a')?.document).toBeUndefined()
      expect(
        await views.find(view, { index: 'byEmail', equals: { email: 'x' }, limit: 5 }),
      ).toEqual([])
      expect(await views.scan(view, { limit: 5 })).toEqual([])
      await put(views, view, [doc('a', { email: 'y' }, 3n)], 3n)
      expect(await views.get(view, 'a')).toEqual({ email: 'y' })
    })
    test('applied twice, in any cut, are the same', async () => {
      const { views } = (await open()).engine
      const view = newView()
      const changes = Array.from({ length: 30 }, (_, n) =>
        doc(`k${n % 7}`, n % 5 === 4 ? undefined : { n }, BigInt(n + 1)),
      )
      for (const change of changes) await put(views, view, [change], change.position)
      const before = await views.scan(view, { limit: 100 })
      for (const start of [0, 11, 29]) {
        for (const change of changes.slice(start)) await put(views, view, [change], change.position)
      }
      expect(await views.scan(view, { limit: 100 })).toEqual(before)
      expect(await views.checkpoint(view)).toBe(30n)
    })
    test('are the reader’s own: what it does to one, no other sees', async () => {
      const { views } = (await open()).engine
      const view = newView()
      await put(views, view, [doc('a', { n: 1 }, 1n)], 1n)
      const mine = (await views.get(view, 'a')) as { n: number }
      mine.n = 99
      expect(await views.get(view, 'a')).toEqual({ n: 1 })
      await put(views, view, [doc('a', { n: 0 }, 1n)], 1n)
      expect(await views.get(view, 'a')).toEqual({ n: 1 })
      await put(views, view, [doc('a', { n: 2 }, 2n)], 2n)
      expect((await views.getMany(view, ['a'])).get('a')?.document).toEqual({ n: 2 })
      await put(views, view, [{ key: 'a', document: undefined, position: 3n }], 3n)
      expect(await views.get(view, 'a')).toBeUndefined()
    })
    test('are scanned in order of key, in pages, with their positions', async () => {
      const { views } = (await open()).engine
      const view = newView()
      await put(views, view, [doc('c', { n: 3 }, 3n), doc('a', { n: 1 }, 9n), doc('b', {}, 2n)], 9n)
      const first = await views.scan(view, { limit: 2 })
      expect(first).toEqual([
        { key: 'a', document: { n: 1 }, position: 9n },
        { key: 'b', document: {}, position: 2n },
      ])
      expect(keysOf(await views.scan(view, { after: 'b', limit: 2 }))).toEqual(['c'])
    })
    test('and the checkpoint are there after a restart', async () => {
      const { engine, reopen } = await open()
      const view = newView()
      const { position } = await engine.events.append(unique('user'), 'none', newEvents(1))
      await put(engine.views, view, [doc('a', { orgId: 'o', at: 1 }, position)], position)
      const { views } = await reopen()
      expect(await views.checkpoint(view)).toBe(position)
      expect(await views.get(view, 'a')).toEqual({ orgId: 'o', at: 1 })
    })
  })
}

export function viewVersionContract(open: OpenEngine): void {
  describe('view versions', () => {
    test('the checkpoint moves also without documents, and never back', async () => {
      const { views } = (await open()).engine
      const view = newView()
      await put(views, view, [], 7n)
      expect(await views.checkpoint(view)).toBe(7n)
      await put(views, view, [], 3n)
      expect(await views.checkpoint(view)).toBe(7n)
    })
    test('the checkpoint that moved without documents is there after a restart', async () => {
      const { engine, reopen } = await open()
      const view = newView()
      const { position } = await engine.events.append(unique('user'), 'none', newEvents(3))
      await put(engine.views, view, [doc('a', { n: 1 }, position - 2n)], position - 2n)
      await put(engine.views, view, [], position - 1n)
      await put(engine.views, view, [], position)
      expect(await versionsOf(engine.views, view.name)).toEqual([
        { version: 1, checkpoint: position },
      ])
      const { views } = await reopen()
      expect(await views.checkpoint(view)).toBe(position)
      expect(await versionsOf(views, view.name)).toEqual([{ version: 1, checkpoint: position }])
    })
    test('live beside each other until one is dropped', async () => {
      const { views } = (await open()).engine
      const one = newView(1)
      const two = newView(2, one.name)
      await put(views, one, [doc('a', { v: 1 })], 5n)
      await put(views, two, [doc('a', { v: 2 })], 3n)
      expect(await views.get(one, 'a')).toEqual({ v: 1 })
      expect(await views.get(two, 'a')).toEqual({ v: 2 })
      expect(await versionsOf(views, one.name)).toEqual([
        { version: 1, checkpoint: 5n },
        { version: 2, checkpoint: 3n },
      ])
      await views.drop({ name: one.name, version: 1 })
      expect(await views.get(one, 'a')).toBeUndefined()
      expect(await views.checkpoint(one)).toBeUndefined()
      expect(await views.get(two, 'a')).toEqual({ v: 2 })
      expect(await versionsOf(views, one.name)).toEqual([{ version: 2, checkpoint: 3n }])
    })
    test('dropped begins anew, without what it knew of positions', async () => {
      const { views } = (await open()).engine
      const view = newView()
      await put(views, view, [doc('a', { n: 1 }, 9n)], 9n)
      await views.drop(view)
      await views.drop(view)
      await put(views, view, [doc('a', { n: 2 }, 1n)], 1n)
      expect(await views.get(view, 'a')).toEqual({ n: 2 })
      expect(await views.checkpoint(view)).toBe(1n)
    })
  })
}

export function viewFindContract(open: OpenEngine): void {
  const rows = [
    doc('a', { orgId: 'o', status: 'done', at: '2030-01-01' }),
    doc('b', { orgId: 'o', status: 'done', at: '2030-01-03' }),
    doc('c', { orgId: 'o', status: 'open', at: '2030-01-02' }),
    doc('d', { orgId: 'p', status: 'done', at: '2030-01-01' }),
    doc('e', { orgId: 'o', status: 'done', at: '2030-01-03' }),
    doc('f', { orgId: 'o', status: 'done' }),
    doc('g', { status: 'done', at: '2030-01-01' }),
    doc('h', { orgId: 'o', status: null, at: '2030-01-05' }),
  ]
  async function filled() {
    const { views } = (await open()).engine
    const view = newView()
    await put(views, view, rows, 1n)
    const find = (query: Partial<Parameters<typeof views.find>[1]>) =>
      views.find(view, { index: 'byOrg', equals: { orgId: 'o' }, limit: 100, ...query })
    return { views, view, find }
  }
  describe('view look-ups', () => {
    test('order by the field, then by key', async () => {
      const { find } = await filled()
      expect(keysOf(await find({}))).toEqual(['a', 'c', 'b', 'e', 'h'])
      expect(keysOf(await find({ descending: true }))).toEqual(['h', 'e', 'b', 'c', 'a'])
    })
    test('need every field: a document without one is not in the index', async () => {
      const { find } = await filled()
      const found = await find({
        index: 'byOrgAndStatus',
        equals: { orgId: 'o', status: 'done' },
      })
      expect(keysOf(found)).toEqual(['a', 'b', 'e'])
      expect(found[0]?.document).toEqual(rows[0]?.document)
    })
    test('page with cursors, both ways, without a row lost or doubled', async () => {
      const { find } = await filled()
      for (const descending of [false, true]) {
        const seen: string[] = []
        let after: string | undefined
        for (;;) {
          const page = await find({ descending, limit: 2, ...(after ? { after } : {}) })
          seen.push(...keysOf(page))
          after = page.at(-1)?.cursor
          if (page.length < 2) break
        }
        expect(seen).toEqual(keysOf(await find({ descending })))
      }
    })
    test('go on at a cursor of a version that was built before', async () => {
      const { views, view, find } = await filled()
      const [, second] = await find({})
      const rebuilt = newView(2, view.name)
      await put(views, rebuilt, rows.toReversed(), 1n)
      const rest = await views.find(rebuilt, {
        index: 'byOrg',
        equals: { orgId: 'o' },
        limit: 100,
        after: second?.cursor ?? '',
      })
      expect(keysOf(rest)).toEqual(['b', 'e', 'h'])
    })
    test('are bounded by from, included, and to, excluded', async () => {
      const { find } = await filled()
      expect(keysOf(await find({ from: '2030-01-02' }))).toEqual(['c', 'b', 'e', 'h'])
      expect(keysOf(await find({ to: '2030-01-03' }))).toEqual(['a', 'c'])
      const both = { from: '2030-01-02', to: '2030-01-05', descending: true }
      expect(keysOf(await find(both))).toEqual(['e', 'b', 'c'])
    })
    test('without an order come by key', async () => {
      const { views, view } = await filled()
      await put(views, view, [doc('y', { email: 'm' }), doc('x', { email: 'm' })], 2n)
      const query = { index: 'byEmail', equals: { email: 'm' }, limit: 1 }
      const [first] = await views.find(view, query)
      expect(first?.key).toBe('x')
      expect(keysOf(await views.find(view, { ...query, after: first?.cursor ?? '' }))).toEqual([
        'y',
      ])
    })
    test('without an equality go through the whole index', async () => {
      const { find } = await filled()
      const newest = await find({ index: 'newest', equals: {}, descending: true, limit: 3 })
      expect(keysOf(newest)).toEqual(['h', 'e', 'b'])
    })
    test('order numbers as numbers', async () => {
      const { views, view, find } = await filled()
      const numbers = [10, 9, -1, 100].map((at) => doc(`n${at}`, { orgId: 'n', at }))
      await put(views, view, numbers, 2n)
      expect(keysOf(await find({ equals: { orgId: 'n' } }))).toEqual(['n-1', 'n9', 'n10', 'n100'])
      expect(keysOf(await find({ equals: { orgId: 'n' }, from: 9, to: 100 }))).toEqual([
        'n9',
        'n10',
      ])
    })
    test('tell the number 1 from the text "1"', async () => {
      const { views, view, find } = await filled()
      await put(views, view, [doc('t', { orgId: '1', at: 1 }), doc('n', { orgId: 1, at: 1 })], 2n)
      expect(keysOf(await find({ equals: { orgId: '1' } }))).toEqual(['t'])
      expect(keysOf(await find({ equals: { orgId: 1 } }))).toEqual(['n'])
    })
    test('follow a document that moves in the index', async () => {
      const { views, view, find } = await filled()
      await put(views, view, [doc('a', { orgId: 'q', status: 'done', at: '2031' }, 2n)], 2n)
      expect(keysOf(await find({}))).toEqual(['c', 'b', 'e', 'h'])
      expect(keysOf(await find({ equals: { orgId: 'q' } }))).toEqual(['a'])
    })
    test('refuse an index that was not declared, a missing field and a made-up cursor', async () => {
      const { find } = await filled()
      await expect(find({ index: 'byNothing' })).rejects.toThrow('byNothing')
      await expect(find({ equals: {} })).rejects.toThrow('orgId')
      await expect(find({ after: 'made up' })).rejects.toThrow('cursor')
    })
  })
}

export function snapshotStoreContract(open: OpenEngine): void {
  describe('snapshot store', () => {
    test('gives back the newest state of a stream and fold version', async () => {
      const { snapshots } = (await open()).engine
      const stream = unique('account')
      expect(await snapshots.load(stream, 1)).toBeUndefined()
      await snapshots.save(stream, 1, 10, { balance: '5' })
      await snapshots.save(stream, 1, 20, { balance: '7' })
      expect(await snapshots.load(stream, 1)).toEqual({ revision: 20, state: { balance: '7' } })
    })
    test('never goes back to an older revision', async () => {
      const { snapshots } = (await open()).engine
      const stream = unique('account')
      await snapshots.save(stream, 1, 20, { n: 20 })
      await snapshots.save(stream, 1, 10, { n: 10 })
      expect(await snapshots.load(stream, 1)).toEqual({ revision: 20, state: { n: 20 } })
    })
    test('keeps fold versions apart', async () => {
      const { snapshots } = (await open()).engine
      const stream = unique('account')
      await snapshots.save(stream, 1, 10, { v: 1 })
      expect(await snapshots.load(stream, 2)).toBeUndefined()
    })
    test('forgets everything when cleared', async () => {
      const { snapshots } = (await open()).engine
      const stream = unique('account')
      await snapshots.save(stream, 1, 10, { n: 10 })
      await snapshots.clear()
      expect(await snapshots.load(stream, 1)).toBeUndefined()
    })
  })
}
