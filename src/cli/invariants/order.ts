/** L3: revisions of a stream are 0, 1, 2 …, and positions of the log rise. */
import type { Checker, Say } from './checker.ts'

export function orderChecker(say: Say): Checker {
  /** One number for each stream: about 100 bytes a stream. */
  const revisions = new Map<string, number>()
  let last: bigint | undefined
  return {
    read(event) {
      const expected = (revisions.get(event.stream) ?? -1) + 1
      if (event.revision !== expected)
        say('L3', event, `revision ${event.revision} stands where ${expected} belongs`)
      revisions.set(event.stream, event.revision)
      if (last !== undefined && event.position <= last)
        say('L3', event, `position ${event.position} comes after position ${last}`)
      last = event.position
    },
  }
}
