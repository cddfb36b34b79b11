/**
 * What a checker of invariants is: fed every event of the log in order, it reports each broken promise
 * with the place and a sentence. It keeps sums and what is open, never the events, so that a log of any
 * length fits. It shares no code with the deciders: a mistake there must show here.
 */
import type { StoredEvent } from '../../ports/event-store.ts'

/** As `domain.md` names them; the operator's list says what each promises. */
export const invariants = {
  M1: 'Every balance is what was granted less what was charged, expired and taken back.',
  M2: 'Every charge is the price of the usage in the price list, at most its hold.',
  M3: 'Every call has at most one hold, one end and one charge, in that order.',
  M4: 'Every hold took only credit that was free, and none beside a debt.',
  M5: 'No lot of credit gave more than was granted.',
  M6: 'No hold outlived its call.',
  B1: 'No hold passed a hard budget: what was charged and held then, with its own amount.',
  B2: 'Every threshold of a budget was told once, when it was reached.',
  S1: 'What processes reserved of a spend ceiling was never above it.',
  S2: 'Calls of a period never cost the seller more than its spend ceiling.',
  L3: 'The log is in order: revisions count up one by one, positions rise.',
  P1: 'Every view equals a fresh replay of the log, byte for byte.',
  P3: 'No view is ahead of the log.',
  J1: 'Every accepted call ends.',
  W1: 'What a payment provider says was taken once.',
  W2: 'Every account has for each payment the credit that the payment stands for.',
  A1: 'Every address belongs to one person.',
  A2: 'Every refresh token has one live successor.',
  A8: 'Every organization has an owner.',
  E1: 'No personal value, prompt or secret stands in clear in the log.',
} as const
export type Invariant = keyof typeof invariants

export interface Violation {
  readonly invariant: Invariant
  /** Of the event that broke it; undefined where no single event did. */
  readonly position: bigint | undefined
  /** A stream, or the name of a view. */
  readonly where: string
  readonly sentence: string
}
export type Report = (violation: Violation) => void

/** Where a reported sentence points. */
export type Place = Pick<StoredEvent, 'position' | 'stream'>
export type Say = (invariant: Invariant, place: Place, sentence: string) => void

export interface Checker {
  read(event: StoredEvent): void
  /** What only the end of the log can say: that something is missing. */
  end?(): void
}

/** An event of a noun with its place: `type` and `data` go together. */
export type Placed<E extends { readonly type: string; readonly data: object }> = E extends unknown
  ? Omit<StoredEvent, 'type' | 'data'> & E
  : never

/** Of the streams of a category there are only that category's events: the codec saw to it. */
export const placed = <E extends { readonly type: string; readonly data: object }>(
  event: StoredEvent,
): Placed<E> => event as unknown as Placed<E>
