/** How pieces of a feed lie in its Redis stream, one entry each, and what of them is new to a listener. */
import type { FeedItem } from '../../../ports/live-feed.ts'
import type { FeedSeal } from './feed-seal.ts'

export type Delta = Extract<FeedItem, { kind: 'delta' }>
/** How far a listener has heard. */
export interface Heard {
  readonly attempt: number
  readonly offset: number
}
/** An entry with its id in the stream. */
export interface FeedEntry {
  readonly id: string
  readonly item: FeedItem
  readonly bytes: number
}
/** Before every entry. */
export const BEGINNING = '0-0'
/** What an entry costs beside its text. */
export const OVERHEAD_BYTES = 64

/** A feed's name in Redis and what seals its text. */
export interface Sealing {
  readonly key: string
  readonly seal: FeedSeal
}

/** Attempt, offset and text of a piece as it is written; no attempt is the end. */
export const valuesOf = (item: FeedItem, { key, seal }: Sealing): (string | number)[] =>
  item.kind === 'end' ? ['', '', ''] : [item.attempt, item.offset, seal.seal(key, item.text)]

/** Entries as XREAD and XRANGE answer them. */
export type RawEntries = readonly (readonly [id: string, fields: readonly string[] | null])[]

/** What cannot be opened is a gap. */
export function entriesOf(raw: RawEntries, sealing: Sealing): FeedEntry[] {
  return raw.flatMap(([id, fields]) => {
    const item = itemOf(fields ?? [], sealing)
    if (item === undefined) return []
    const bytes = OVERHEAD_BYTES + (item.kind === 'delta' ? item.text.length : 0)
    return [{ id, item, bytes }]
  })
}

function itemOf(fields: readonly string[], { key, seal }: Sealing): FeedItem | undefined {
  const [first, attempt, , offset, , sealed = ''] = fields
  if (first === 'e') return { kind: 'end' }
  const text = seal.open(key, sealed)
  if (text === undefined) return undefined
  return { kind: 'delta', attempt: Number(attempt), offset: Number(offset), text }
}

/** Whether the entry `one` stands after the entry `other` in a stream. */
export function isAfter(one: string, other: string): boolean {
  const [ms = 0, sequence = 0] = one.split('-').map(Number)
  const [otherMs = 0, otherSequence = 0] = other.split('-').map(Number)
  return ms === otherMs ? sequence > otherSequence : ms > otherMs
}

/** What a listener that has heard so far has not heard of a piece. */
export function unheard(delta: Delta, heard: Heard | undefined): Delta | undefined {
  if (heard === undefined || delta.attempt > heard.attempt) return delta
  if (delta.attempt < heard.attempt || delta.offset <= heard.offset) return undefined
  const bytes = Buffer.from(delta.text)
  const known = heard.offset - (delta.offset - bytes.byteLength)
  return known <= 0 ? delta : { ...delta, text: bytes.subarray(known).toString() }
}

/** Two pieces as one, where the second goes on exactly where the first ends. */
export function joined(first: FeedItem, second: FeedItem): Delta | undefined {
  if (first.kind !== 'delta' || second.kind !== 'delta') return undefined
  if (first.attempt !== second.attempt) return undefined
  if (second.offset - Buffer.byteLength(second.text) !== first.offset) return undefined
  return { ...second, text: first.text + second.text }
}
