// A stream is read as it was written: long ones through snapshots that are never truth, classed values sealed, newer events never guessed.
import { describe, expect, test } from 'vitest'
import { isErased } from '../../src/domain/personal.ts'
import { UnknownEvent } from '../../src/ports/unknown-event.ts'
import { counter } from '../support/counter.ts'
import { context, engine, ids, raise, setUp, useEngine } from '../support/spine.ts'

useEngine()

describe('long streams', () => {
  test('open through a snapshot, which is never truth', async () => {
    const { streams } = await setUp()
    const keyed = context('digest-1')
    await streams.transact(counter, 'a', raise(), keyed)
    for (let round = 0; round < 90; round++)
      await Promise.all(
        Array.from({ length: 64 }, () => streams.transact(counter, 'a', raise(), context())),
      )
    const stored = await engine.snapshots.load('counter-a', 1)
    expect(stored?.revision).toBeGreaterThanOrEqual(5_000)
    const withSnapshot = await (await setUp()).streams.load(counter, 'a')
    await engine.snapshots.clear()
    const without = await (await setUp()).streams.load(counter, 'a')
    expect(withSnapshot).toMatchObject(without)
    // The memory of keys is part of what a snapshot carries.
    expect(withSnapshot.keyed.get(keyed.commandId)).toMatchObject({ digest: 'digest-1' })
  })
})

describe('what is read', () => {
  test('classed values are sealed in the log, opened for deciders, erased without their key', async () => {
    const { streams, sealer } = await setUp()
    await streams.transact(counter, 'a', { type: 'Raise', by: 1, note: 'canary-7731' }, context())
    const [stored] = await engine.events.readStream('counter-a')
    expect(
      JSON.stringify(stored, (_k, v) => (typeof v === 'bigint' ? String(v) : v)),
    ).not.toContain('canary')
    expect((await (await setUp()).streams.load(counter, 'a')).state.notes).toEqual(['canary-7731'])
    await sealer.destroy('user/usr_1')
    streams.forget()
    const [note] = (await streams.load(counter, 'a')).state.notes
    expect(isErased(note)).toBe(true)
    expect((await streams.load(counter, 'a')).state.total).toBe(1)
  })

  test('an event of a newer release stops the reader', async () => {
    const { streams } = await setUp()
    await streams.transact(counter, 'a', raise(), context())
    const [stored] = await engine.events.readStream('counter-a')
    await engine.events.append('counter-b', 'none', [
      {
        id: ids.random(),
        type: 'CounterRaised',
        data: '{"by":1}',
        metadata: JSON.stringify({ ...stored?.metadata, v: 2 }),
      },
    ])
    await expect(streams.load(counter, 'b')).rejects.toThrow(UnknownEvent)
  })
})
