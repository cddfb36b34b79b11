/** The log's promises: revisions, repeatable appends, all or nothing, one order, reading, subscribing. */
import { describe, expect, test } from 'vitest'
import {
  BEFORE_ALL,
  EventTooLarge,
  MAX_APPEND_BYTES,
  MAX_EVENT_BYTES,
  RevisionConflict,
} from '../../src/ports/event-store.ts'
import type { NewEvent } from '../../src/ports/event-store.ts'
import { idsOf, newEvent, newEvents, unique } from './harness.ts'
import type { OpenEngine } from './harness.ts'

export function appendContract(open: OpenEngine): void {
  describe('append', () => {
    test('starts a stream at revision 0 and answers the last revision and position', async () => {
      const { events } = (await open()).engine
      const answer = await events.append(unique('user'), 'none', newEvents(3))
      expect(answer).toEqual({ revision: 2, position: await events.head() })
    })
    test('goes on from the revision that was read', async () => {
      const { events } = (await open()).engine
      const stream = unique('user')
      const first = await events.append(stream, 'none', newEvents(2))
      const second = await events.append(stream, first.revision, newEvents(1))
      expect(second.revision).toBe(2)
      expect(second.position).toBeGreaterThan(first.position)
    })
    test('refuses to start a stream that exists', async () => {
      const { events } = (await open()).engine
      const stream = unique('user')
      await events.append(stream, 'none', newEvents(2))
      const refused = events.append(stream, 'none', newEvents(1))
      await expect(refused).rejects.toMatchObject({ stream, expected: 'none', actual: 1 })
      await expect(refused).rejects.toBeInstanceOf(RevisionConflict)
    })
    test('refuses a revision on a stream that does not exist', async () => {
      const { events } = (await open()).engine
      const stream = unique('user')
      const refused = events.append(stream, 0, newEvents(1))
      await expect(refused).rejects.toMatchObject({ expected: 0, actual: 'none' })
      expect(await events.revision(stream)).toBeUndefined()
    })
    test('refuses a revision that has been passed', async () => {
      const { events } = (await open()).engine
      const stream = unique('user')
      await events.append(stream, 'none', newEvents(3))
      await expect(events.append(stream, 1, newEvents(1))).rejects.toMatchObject({
        expected: 1,
        actual: 2,
      })
    })
    test('refuses a revision that has not been reached', async () => {
      const { events } = (await open()).engine
      const stream = unique('user')
      await events.append(stream, 'none', newEvents(1))
      await expect(events.append(stream, 5, newEvents(1))).rejects.toBeInstanceOf(RevisionConflict)
    })
    test('writes nothing when it is refused', async () => {
      const { events } = (await open()).engine
      const stream = unique('user')
      await events.append(stream, 'none', newEvents(2))
      const head = await events.head()
      await events.append(stream, 0, newEvents(4)).catch(() => undefined)
      expect(await events.head()).toBe(head)
      expect(await events.readStream(stream)).toHaveLength(2)
    })
    test('keeps id, type, data and metadata as they were given', async () => {
      const { events } = (await open()).engine
      const stream = unique('user')
      const event = newEvent({ text: 'Zoë "quoted"\u0000\n', big: '9007199254740993', list: [1] })
      const { position } = await events.append(stream, 'none', [event])
      expect(await events.readStream(stream)).toEqual([
        {
          position,
          stream,
          revision: 0,
          id: event.id,
          type: event.type,
          data: JSON.parse(event.data) as unknown,
          metadata: JSON.parse(event.metadata) as unknown,
        },
      ])
    })
    test.each([
      ['cyrillic', 'пользователь-ё'],
      ['emoji', 'user-👩‍👩‍👧'],
      ['quotes', `user-'";--`],
    ])('takes a stream name with %s', async (_, name) => {
      const { events } = (await open()).engine
      const stream = unique(name)
      await events.append(stream, 'none', newEvents(1))
      expect((await events.readStream(stream)).map((event) => event.stream)).toEqual([stream])
    })
    test('tells stream names apart by their characters, not by how they look', async () => {
      const { events } = (await open()).engine
      const id = unique('user')
      await events.append(`${id}-e\u0301`, 'none', newEvents(1))
      expect(await events.revision(`${id}-\u00e9`)).toBeUndefined()
      expect(await events.revision(`${id.toUpperCase()}-e\u0301`)).toBeUndefined()
    })
  })
}

export function repeatContract(open: OpenEngine): void {
  describe('the same append again', () => {
    test('answers as the first time and writes nothing', async () => {
      const { events } = (await open()).engine
      const stream = unique('user')
      const batch = newEvents(3)
      const first = await events.append(stream, 'none', batch)
      expect(await events.append(stream, 'none', batch)).toEqual(first)
      expect(await events.readStream(stream)).toHaveLength(3)
    })
    test('is recognised when the stream has gone on', async () => {
      const { events } = (await open()).engine
      const stream = unique('user')
      await events.append(stream, 'none', newEvents(1))
      const batch = newEvents(2)
      const first = await events.append(stream, 0, batch)
      await events.append(stream, 2, newEvents(5))
      expect(await events.append(stream, 0, batch)).toEqual(first)
    })
    test('is recognised after a restart', async () => {
      const { engine, reopen } = await open()
      const stream = unique('user')
      const batch = newEvents(2)
      const first = await engine.events.append(stream, 'none', batch)
      const { events } = await reopen()
      expect(await events.append(stream, 'none', batch)).toEqual(first)
    })
    test('in the same moment is written once', async () => {
      const { events } = (await open()).engine
      const stream = unique('user')
      const batch = newEvents(2)
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => events.append(stream, 'none', batch)),
      )
      expect(new Set(answers.map(({ position }) => position)).size).toBe(1)
      expect(idsOf(await events.readStream(stream))).toEqual(idsOf(batch))
    })
    test.each<[string, (batch: NewEvent[]) => NewEvent[]]>([
      ['one event less at the front', (batch) => batch.slice(1)],
      ['one event more than is stored', (batch) => [...batch, newEvent()]],
      ['another event in the middle', (batch) => batch.with(1, newEvent())],
      ['the same events in another order', (batch) => batch.toReversed()],
    ])('with %s is a conflict', async (_, change) => {
      const { events } = (await open()).engine
      const stream = unique('user')
      const batch = newEvents(3)
      await events.append(stream, 'none', batch)
      await expect(events.append(stream, 'none', change(batch))).rejects.toBeInstanceOf(
        RevisionConflict,
      )
      expect(idsOf(await events.readStream(stream))).toEqual(idsOf(batch))
    })
    test('cut short is the same append as far as it goes', async () => {
      const { events } = (await open()).engine
      const stream = unique('user')
      const batch = newEvents(3)
      await events.append(stream, 'none', batch)
      expect(await events.append(stream, 'none', batch.slice(0, 2))).toMatchObject({
        revision: 1,
      })
    })
    test('at another revision is another append', async () => {
      const { events } = (await open()).engine
      const stream = unique('user')
      const batch = newEvents(1)
      await events.append(stream, 'none', batch)
      expect(await events.append(stream, 0, batch)).toMatchObject({ revision: 1 })
      expect(await events.readStream(stream)).toHaveLength(2)
    })
    test('on another stream is another append', async () => {
      const { events } = (await open()).engine
      const batch = newEvents(1)
      await events.append(unique('user'), 'none', batch)
      const stream = unique('user')
      await events.append(stream, 'none', batch)
      expect(idsOf(await events.readStream(stream))).toEqual(idsOf(batch))
    })
  })
}

export function sizeContract(open: OpenEngine): void {
  const sized = (size: number): NewEvent => {
    const event = newEvent('')
    const rest = size - Buffer.byteLength(event.data + event.metadata)
    return { ...event, data: JSON.stringify('x'.repeat(rest)) }
  }
  describe('sizes', () => {
    test('refuses an append without events', async () => {
      const { events } = (await open()).engine
      await expect(events.append(unique('user'), 'none', [])).rejects.toBeInstanceOf(EventTooLarge)
    })
    test('takes an event of exactly the limit, and not a byte more', async () => {
      const { events } = (await open()).engine
      const stream = unique('user')
      await events.append(stream, 'none', [sized(MAX_EVENT_BYTES)])
      await expect(events.append(stream, 0, [sized(MAX_EVENT_BYTES + 1)])).rejects.toMatchObject({
        name: 'EventTooLarge',
        bytes: MAX_EVENT_BYTES + 1,
      })
      expect(await events.revision(stream)).toBe(0)
    })
    test('counts bytes, not characters', async () => {
      const { events } = (await open()).engine
      const event = { ...newEvent(), data: JSON.stringify('ё'.repeat(MAX_EVENT_BYTES / 2)) }
      await expect(events.append(unique('user'), 'none', [event])).rejects.toBeInstanceOf(
        EventTooLarge,
      )
    })
    test('takes an append of exactly the limit, and not a byte more', async () => {
      const { events } = (await open()).engine
      const parts = Array.from({ length: 4 }, () => sized(MAX_APPEND_BYTES / 4))
      expect(await events.append(unique('user'), 'none', parts)).toMatchObject({ revision: 3 })
      const more = parts.with(0, sized(MAX_APPEND_BYTES / 4 + 1))
      await expect(events.append(unique('user'), 'none', more)).rejects.toMatchObject({
        bytes: MAX_APPEND_BYTES + 1,
      })
    })
    test('takes a thousand small events at once', async () => {
      const { events } = (await open()).engine
      const stream = unique('user')
      expect(await events.append(stream, 'none', newEvents(1_000))).toMatchObject({ revision: 999 })
      expect(await events.readStream(stream)).toHaveLength(1_000)
    })
  })
}

export function parallelContract(open: OpenEngine): void {
  describe('appends in parallel', () => {
    test('on one stream: exactly one of 100 gets the revision', async () => {
      const { events } = (await open()).engine
      const stream = unique('account')
      const answers = await Promise.allSettled(
        Array.from({ length: 100 }, () => events.append(stream, 'none', newEvents(1))),
      )
      expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      for (const answer of answers) {
        if (answer.status === 'rejected') expect(answer.reason).toBeInstanceOf(RevisionConflict)
      }
      expect(await events.readStream(stream)).toHaveLength(1)
    })
    test('on 100 streams: all are written, each whole and together', async () => {
      const { events } = (await open()).engine
      const after = await events.head()
      const streams = Array.from({ length: 100 }, () => unique('account'))
      await Promise.all(streams.map((stream) => events.append(stream, 'none', newEvents(3))))
      const all = await events.readAll({ after, limit: 1_000 })
      expect(all).toHaveLength(300)
      for (let i = 0; i < all.length; i += 3) {
        const part = all.slice(i, i + 3)
        expect(new Set(part.map(({ stream }) => stream)).size).toBe(1)
        expect(part.map(({ revision }) => revision)).toEqual([0, 1, 2])
      }
    })
    test('one after the other on one stream without waiting for the answers', async () => {
      const { events } = (await open()).engine
      const stream = unique('account')
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, n) =>
          events.append(stream, n === 0 ? 'none' : n - 1, newEvents(1)),
        ),
      )
      expect(answers.map(({ revision }) => revision)).toEqual(answers.map((_, n) => n))
    })
    test('a conflict fails only its own', async () => {
      const { events } = (await open()).engine
      const good = Array.from({ length: 10 }, () => unique('account'))
      const taken = unique('account')
      await events.append(taken, 'none', newEvents(1))
      const answers = await Promise.allSettled([
        ...good.slice(0, 5).map((stream) => events.append(stream, 'none', newEvents(2))),
        events.append(taken, 'none', newEvents(2)),
        ...good.slice(5).map((stream) => events.append(stream, 'none', newEvents(2))),
      ])
      expect(answers.filter(({ status }) => status === 'rejected')).toHaveLength(1)
      for (const stream of good) expect(await events.revision(stream)).toBe(1)
    })
    test('answered ones are read by whoever reads next', async () => {
      const { events } = (await open()).engine
      await Promise.all(
        Array.from({ length: 30 }, async () => {
          const stream = unique('account')
          const { position } = await events.append(stream, 'none', newEvents(1))
          expect(await events.revision(stream)).toBe(0)
          expect(await events.readStream(stream)).toHaveLength(1)
          expect(await events.head()).toBeGreaterThanOrEqual(position)
        }),
      )
    })
  })
}

export function readContract(open: OpenEngine): void {
  describe('reading', () => {
    test('a stream that does not exist is empty', async () => {
      const { events } = (await open()).engine
      expect(await events.readStream(unique('user'))).toEqual([])
      expect(await events.revision(unique('user'))).toBeUndefined()
    })
    test('a stream begins after the revision given and stops at the limit', async () => {
      const { events } = (await open()).engine
      const stream = unique('user')
      await events.append(stream, 'none', newEvents(10))
      const revisions = async (options: { after?: number; limit?: number }) =>
        (await events.readStream(stream, options)).map(({ revision }) => revision)
      expect(await revisions({ after: 6 })).toEqual([7, 8, 9])
      expect(await revisions({ after: 2, limit: 3 })).toEqual([3, 4, 5])
      expect(await revisions({ limit: 2 })).toEqual([0, 1])
      expect(await revisions({ after: 9 })).toEqual([])
      expect(await revisions({ after: 50 })).toEqual([])
    })
    test('a stream longer than a page comes whole and in order', async () => {
      const { events } = (await open()).engine
      const stream = unique('account')
      for (let n = 0; n < 5; n++) {
        await events.append(stream, n === 0 ? 'none' : n * 500 - 1, newEvents(500))
      }
      const read = await events.readStream(stream)
      expect(read.map(({ revision }) => revision)).toEqual(read.map((_, n) => n))
      expect(read).toHaveLength(2_500)
      expect(await events.readStream(stream, { after: 99, limit: 2_000 })).toHaveLength(2_000)
    })
    test('the log begins after the position given and stops at the limit', async () => {
      const { events } = (await open()).engine
      const start = await events.head()
      const stream = unique('user')
      const batch = newEvents(5)
      await events.append(stream, 'none', batch)
      const all = await events.readAll({ after: start, limit: 100 })
      expect(idsOf(all)).toEqual(idsOf(batch))
      const second = all[1]?.position ?? BEFORE_ALL
      expect(idsOf(await events.readAll({ after: second, limit: 2 }))).toEqual(
        idsOf(batch.slice(2, 4)),
      )
      expect(await events.readAll({ after: await events.head(), limit: 10 })).toEqual([])
    })
    test('the log is one order over all streams: the order of commit', async () => {
      const { events } = (await open()).engine
      const after = await events.head()
      const [one, two] = [unique('user'), unique('account')]
      const a = await events.append(one, 'none', newEvents(1))
      const b = await events.append(two, 'none', newEvents(1))
      const c = await events.append(one, 0, newEvents(1))
      const all = await events.readAll({ after, limit: 10 })
      expect(all.map(({ stream, revision }) => [stream, revision])).toEqual([
        [one, 0],
        [two, 0],
        [one, 1],
      ])
      expect(all.map(({ position }) => position)).toEqual([a.position, b.position, c.position])
    })
    test('from before all finds the very first event', async () => {
      const { events } = (await open()).engine
      await events.append(unique('user'), 'none', newEvents(1))
      const [first] = await events.readAll({ after: BEFORE_ALL, limit: 1 })
      expect(first).toBeDefined()
      expect(first?.position).toBeGreaterThan(BEFORE_ALL)
    })
    test('everything is there after a restart, and goes on where it was', async () => {
      const { engine, reopen } = await open()
      const stream = unique('user')
      const batch = newEvents(3)
      await engine.events.append(stream, 'none', batch)
      const head = await engine.events.head()
      const { events } = await reopen()
      expect(await events.head()).toBe(head)
      expect(idsOf(await events.readStream(stream))).toEqual(idsOf(batch))
      expect((await events.append(stream, 2, newEvents(1))).position).toBeGreaterThan(head)
    })
  })
}
