/**
 * A decider is one kind of stream: what may happen to it and what it is after what has happened.
 * Pure: no clock, no random, no IO. `decide` answers [] when the wish is already true, so that a
 * repeated command changes nothing, and throws a Refusal when it must not happen. `evolve` never
 * refuses: what is in the log has happened.
 */
export interface Decider<State, Command, Event extends DomainEvent> {
  /** First part of the stream's name, one lowerCamel word: `account` in `account-org_…`. */
  readonly category: string
  readonly initial: () => State
  readonly decide: (command: Command, state: State) => readonly Event[]
  readonly evolve: (state: State, event: Event) => State
  /**
   * Only for streams that grow long. A snapshot is never truth: it is thrown away whenever `version`
   * differs, and deleting all of them changes nothing but speed.
   */
  readonly snapshot?: {
    /** Raise it whenever State or evolve changes. */
    readonly version: number
    readonly toJson: (state: State) => unknown
    readonly fromJson: (json: unknown) => State
  }
}

export interface DomainEvent {
  readonly type: string
  readonly data: object
}

/** The name of a stream: `category-id`. The category has no dash, the id may. */
export const streamName = (category: string, id: string): string => `${category}-${id}`

export function parseStreamName(stream: string): { category: string; id: string } {
  const dash = stream.indexOf('-')
  return { category: stream.slice(0, dash), id: stream.slice(dash + 1) }
}
