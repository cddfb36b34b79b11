// The account's map answers as a Map does, and no version of it is ever changed by what follows.
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { PersistentMap } from '../../../src/domain/account/persistent-map.ts'

const sorted = <V>(entries: Iterable<readonly [string, V]>) =>
  [...entries].sort(([a], [b]) => (a < b ? -1 : 1))

it('agrees with Map in every version, in any order of set and delete', () => {
  const steps = fc.array(
    fc.record({ key: fc.nat(60).map(String), value: fc.option(fc.nat(5), { nil: undefined }) }),
    { maxLength: 300, size: 'max' },
  )
  fc.assert(
    fc.property(steps, (plan) => {
      let map = PersistentMap.empty<number>()
      const model = new Map<string, number>()
      const versions: [PersistentMap<number>, [string, number][]][] = []
      for (const { key, value } of plan) {
        versions.push([map, sorted(model) as [string, number][]])
        if (value === undefined) model.delete(key)
        else model.set(key, value)
        map = value === undefined ? map.delete(key) : map.set(key, value)
        expect(map.get(key)).toBe(model.get(key))
        expect(map.size).toBe(model.size)
      }
      versions.push([map, sorted(model) as [string, number][]])
      for (const [version, entries] of versions) expect(sorted(version)).toEqual(entries)
    }),
    { numRuns: 50 },
  )
})

it('keeps keys whose hashes collide apart', () => {
  // FNV-1a, 32 bits: these two are equal in all of them.
  const collide = ['costarring', 'liquid']
  const many = Array.from({ length: 100 }, (_, n) => `key ${n}`)
  const map = PersistentMap.from([...many, ...collide].map((key) => [key, key] as const))
  for (const key of [...many, ...collide]) expect(map.get(key)).toBe(key)
  expect(map.delete('liquid').get('costarring')).toBe('costarring')
  expect(map.delete('liquid').has('liquid')).toBe(false)
})
