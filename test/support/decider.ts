/**
 * Tells a decider's story as a sentence: given(decider, events).when(command).then(events).
 * Every `when` also checks what all deciders promise: decide and evolve change no input, and the same
 * command decided again on its own result yields nothing more (a refusal counts as nothing).
 */
import { expect } from 'vitest'
import type { Decider, DomainEvent } from '../../src/domain/decider.ts'
import { Refusal, type RefusalCode } from '../../src/domain/refusal.ts'

/** Folds events from the decider's initial state. */
export function stateOf<State, Command, Event extends DomainEvent>(
  decider: Decider<State, Command, Event>,
  events: readonly Event[],
): State {
  return events.reduce(
    (state, event) => decider.evolve(state, deepFreeze(event)),
    decider.initial(),
  )
}

export interface Told<Event extends DomainEvent> {
  /** Exactly these events, in this order. */
  then(events: readonly Event[]): void
  thenNothing(): void
  thenRefused(code: RefusalCode, facts?: Readonly<Record<string, unknown>>): void
  /** The decided events, for what a comparison of the whole cannot say. Throws what was refused. */
  events(): readonly Event[]
}

export function given<State, Command extends object, Event extends DomainEvent>(
  decider: Decider<State, Command, Event>,
  events: readonly Event[],
): { when(command: Command): Told<Event> } {
  return {
    when(command) {
      const outcome = decideOnce(decider, events, deepFreeze(command))
      if (!(outcome instanceof Refusal))
        expectNothingMore(decider, [...events, ...outcome], command)
      const decided = (): readonly Event[] => {
        if (outcome instanceof Refusal) throw outcome
        return outcome
      }
      return {
        // oxlint-disable-next-line unicorn/no-thenable -- reads as a sentence, is never awaited
        then: (expected) => expect(decided()).toEqual(expected),
        thenNothing: () => expect(decided()).toEqual([]),
        thenRefused(code, facts) {
          const refusal = outcome instanceof Refusal ? outcome : undefined
          expect({ refused: refusal?.code, events: refusal ? [] : outcome }).toEqual({
            refused: code,
            events: [],
          })
          if (facts) expect(refusal?.facts).toEqual(facts)
        },
        events: decided,
      }
    },
  }
}

function decideOnce<State, Command, Event extends DomainEvent>(
  decider: Decider<State, Command, Event>,
  events: readonly Event[],
  command: Command,
): readonly Event[] | Refusal {
  try {
    return decider.decide(command, stateOf(decider, events))
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
}

function expectNothingMore<State, Command, Event extends DomainEvent>(
  decider: Decider<State, Command, Event>,
  events: readonly Event[],
  command: Command,
): void {
  const again = decideOnce(decider, events, command)
  expect(again instanceof Refusal ? [] : again, 'the same command again').toEqual([])
}

/** A decider that changes its input would show here as a TypeError. */
function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value)) {
    Object.freeze(value)
    for (const inner of Object.values(value)) deepFreeze(inner)
  }
  return value
}
