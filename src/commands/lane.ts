/**
 * One lane for each stream with commands in flight. The waiting decisions (at most 64, 900 KiB) are
 * folded one upon the other and appended together; a refusal refuses only its own. An answer, also a
 * refusal or "nothing to do", is given only after the append it was folded on has committed: otherwise
 * somebody would be told about a state that never was. When the append fails, all decide again, first
 * looking for their own commandId; the expected revision stays the guard between processes.
 */
import type { Decider, DomainEvent } from '../domain/decider.ts'
import { streamName } from '../domain/decider.ts'
import { Refusal } from '../domain/refusal.ts'
import {
  type Appended,
  EventTooLarge,
  MAX_APPEND_BYTES,
  MAX_EVENT_BYTES,
  type NewEvent,
  type Position,
  RevisionConflict,
} from '../ports/event-store.ts'
import { Unavailable } from '../ports/unavailable.ts'
import type { CommandContext } from './context.ts'

/** A command that a client gave a key, found again in its stream. */
export interface KeyedCommand {
  readonly digest: string
  readonly revision: number
  readonly position: string
}

/** A stream folded up to `revision` (−1: it does not exist). */
export interface Loaded<S> {
  readonly state: S
  readonly revision: number
  readonly keyed: ReadonlyMap<string, KeyedCommand>
}

export interface Transacted<S, E> {
  readonly state: S
  /** What this command wrote; [] when the wish was already true. */
  readonly events: readonly E[]
  readonly revision: number
  /** Position of the last event this command wrote (or, repeated, had written); undefined for []. */
  readonly position: Position | undefined
  /** The command had been carried out before: nothing was decided now. */
  readonly duplicate: boolean
}

export interface TransactOptions {
  /** Refuse unless the stream is at this revision (If-Match). */
  readonly ifRevision?: number
}

/** The stream is not at the revision that the client named: 412. */
export class PreconditionFailed extends Error {
  readonly revision: number
  constructor(revision: number) {
    super('the resource has changed')
    this.name = 'PreconditionFailed'
    this.revision = revision
  }
}

const MAX_DECISIONS = 64
const DEADLINE_MS = 2_000

interface Waiting<S, C, E> {
  readonly command: C
  readonly context: CommandContext
  readonly options: TransactOptions
  readonly deadline: number
  readonly resolve: (result: Transacted<S, E>) => void
  readonly reject: (error: unknown) => void
}

/** What came of one decision, to be told after the commit. */
type Outcome<S, E> =
  | { readonly kind: 'decided'; readonly events: readonly E[]; readonly encoded: NewEvent[] }
  | { readonly kind: 'repeated'; readonly of: KeyedCommand | undefined }
  | { readonly kind: 'refused'; readonly error: unknown; readonly state?: S }

export interface LaneDeps {
  append(stream: string, expected: 'none' | number, events: readonly NewEvent[]): Promise<Appended>
  encode(events: readonly DomainEvent[], context: CommandContext): Promise<NewEvent[]>
  load<S, C, E extends DomainEvent>(decider: Decider<S, C, E>, id: string): Promise<Loaded<S>>
  /** As the log has it, with what other processes have appended. */
  loadCurrent<S, C, E extends DomainEvent>(
    decider: Decider<S, C, E>,
    id: string,
  ): Promise<Loaded<S>>
  /** No other process appends. */
  readonly alone: boolean
  committed<S>(
    decider: Pick<Decider<S, never, never>, 'snapshot'>,
    stream: string,
    loaded: Loaded<S>,
    position: Position,
  ): void
}

export function createLanes(deps: LaneDeps) {
  const lanes = new Map<string, Waiting<unknown, unknown, DomainEvent>[]>()

  function transact<S, C, E extends DomainEvent>(
    decider: Decider<S, C, E>,
    id: string,
    command: C,
    context: CommandContext,
    options: TransactOptions = {},
  ): Promise<Transacted<S, E>> {
    const stream = streamName(decider.category, id)
    return new Promise((resolve, reject) => {
      const waiting: Waiting<S, C, E> = {
        command,
        context,
        options,
        deadline: performance.now() + DEADLINE_MS,
        resolve,
        reject,
      }
      // A lane holds one decider's commands only, as a stream belongs to one category.
      const entry = waiting as unknown as Waiting<unknown, unknown, DomainEvent>
      const lane = lanes.get(stream)
      if (lane) {
        lane.push(entry)
        return
      }
      const fresh = [entry]
      lanes.set(stream, fresh)
      void drain(decider, id, stream, fresh as unknown as Waiting<S, C, E>[])
    })
  }

  /** Runs the lane until it is empty. Never rejects: each round settles its own promises. */
  async function drain<S, C, E extends DomainEvent>(
    decider: Decider<S, C, E>,
    id: string,
    stream: string,
    lane: Waiting<S, C, E>[],
  ): Promise<void> {
    for (let round = lane.splice(0, MAX_DECISIONS); round.length > 0;) {
      let unfinished: Waiting<S, C, E>[]
      try {
        unfinished = await runRound(deps, decider, id, stream, round)
      } catch (error) {
        for (const waiting of round) waiting.reject(error)
        unfinished = []
        if (error instanceof Unavailable) refuseLate(lane, error)
      }
      round = [...unfinished, ...lane.splice(0, MAX_DECISIONS - unfinished.length)]
    }
    lanes.delete(stream)
  }

  return { transact }
}

/** Round after round would wait for a store that is away, and the last of them for minutes. */
function refuseLate<S, C, E>(lane: Waiting<S, C, E>[], error: Unavailable): void {
  const now = performance.now()
  const inTime = lane.findIndex(({ deadline }) => now <= deadline)
  for (const { reject } of lane.splice(0, inTime < 0 ? lane.length : inTime)) reject(error)
}

/** One append for as many decisions as fit. Answers those that must be decided again. */
async function runRound<S, C, E extends DomainEvent>(
  deps: LaneDeps,
  decider: Decider<S, C, E>,
  id: string,
  stream: string,
  round: readonly Waiting<S, C, E>[],
): Promise<Waiting<S, C, E>[]> {
  const before = await deps.load(decider, id)
  let { state, revision } = before
  const keyed = new Map<string, KeyedCommand | undefined>()
  const outcomes: Outcome<S, E>[] = []
  const states: { state: S; revision: number }[] = []
  const batch: NewEvent[] = []
  let bytes = 0

  for (const waiting of round) {
    const outcome = await decideOne(decider, waiting, { state, revision }, deps, (key) =>
      keyed.has(key) ? { found: keyed.get(key) } : foundIn(before.keyed, key),
    )
    if (outcome.kind === 'decided') {
      const size = sizeOf(outcome.encoded)
      if (bytes > 0 && bytes + size > MAX_APPEND_BYTES) break
      bytes += size
      for (const event of outcome.events) state = decider.evolve(state, event)
      revision += outcome.encoded.length
      batch.push(...outcome.encoded)
      const { digest, commandId } = waiting.context
      if (digest !== undefined && outcome.encoded.length > 0)
        keyed.set(commandId, { digest, revision, position: '' })
    }
    outcomes.push(outcome)
    states.push({ state, revision })
  }

  if (batch.length === 0) {
    if (await isOvertaken(deps, decider, id, { round, outcomes, before })) return [...round]
    settle(round, outcomes, states, undefined)
    return round.slice(outcomes.length)
  }
  let appended: Appended
  try {
    appended = await deps.append(stream, before.revision < 0 ? 'none' : before.revision, batch)
  } catch (error) {
    if (!(error instanceof RevisionConflict)) throw error
    return afterConflict(deps, decider, id, round, error)
  }
  const kept = new Map(before.keyed)
  for (const [commandId, command] of keyed)
    if (command) kept.set(commandId, { ...command, position: appended.position.toString() })
  deps.committed(decider, stream, { state, revision, keyed: kept }, appended.position)
  settle(round, outcomes, states, appended.position)
  return round.slice(outcomes.length)
}

/**
 * Where nothing is appended no store compares the revision. A refusal is told only by what the log has now:
 * the client may know of a change, as of its own, that this process has not heard of yet.
 */
async function isOvertaken<S, C, E extends DomainEvent>(
  deps: LaneDeps,
  decider: Decider<S, C, E>,
  id: string,
  {
    round: [first],
    outcomes,
    before,
  }: {
    readonly round: readonly Waiting<S, C, E>[]
    readonly outcomes: readonly Outcome<S, E>[]
    readonly before: Loaded<S>
  },
): Promise<boolean> {
  const refused = outcomes.some(
    (one) =>
      one.kind === 'refused' &&
      (one.error instanceof Refusal || one.error instanceof PreconditionFailed),
  )
  if (deps.alone || !refused || !first || performance.now() > first.deadline) return false
  return (await deps.loadCurrent(decider, id)).revision !== before.revision
}

const foundIn = (keyed: ReadonlyMap<string, KeyedCommand>, commandId: string) =>
  keyed.has(commandId) ? { found: keyed.get(commandId) } : undefined

async function decideOne<S, C, E extends DomainEvent>(
  decider: Decider<S, C, E>,
  { command, context, options }: Waiting<S, C, E>,
  now: { state: S; revision: number },
  deps: LaneDeps,
  find: (commandId: string) => { found: KeyedCommand | undefined } | undefined,
): Promise<Outcome<S, E>> {
  try {
    const repeated = context.digest === undefined ? undefined : find(context.commandId)
    if (repeated) {
      if (repeated.found && repeated.found.digest !== context.digest)
        throw new Refusal('idempotency_key_reused')
      return { kind: 'repeated', of: repeated.found }
    }
    if (options.ifRevision !== undefined && options.ifRevision !== now.revision)
      throw new PreconditionFailed(now.revision)
    const events = decider.decide(command, now.state)
    const encoded = events.length ? await deps.encode(events, context) : []
    for (const event of encoded) if (sizeOf([event]) > MAX_EVENT_BYTES) throw tooLarge(event)
    return { kind: 'decided', events, encoded }
  } catch (error) {
    return { kind: 'refused', error }
  }
}

function settle<S, C, E extends DomainEvent>(
  round: readonly Waiting<S, C, E>[],
  outcomes: readonly Outcome<S, E>[],
  states: readonly { state: S; revision: number }[],
  position: Position | undefined,
) {
  for (const [index, outcome] of outcomes.entries()) {
    const waiting = round[index]
    const at = states[index]
    if (!waiting || !at) continue
    if (outcome.kind === 'refused') waiting.reject(outcome.error)
    else if (outcome.kind === 'repeated')
      waiting.resolve({
        ...at,
        events: [],
        position: outcome.of?.position ? BigInt(outcome.of.position) : position,
        duplicate: true,
      })
    else
      waiting.resolve({
        ...at,
        events: outcome.events,
        position: outcome.events.length ? position : undefined,
        duplicate: false,
      })
  }
}

/** Another process was quicker: read what it wrote; whoever finds its own command there is done. */
async function afterConflict<S, C, E extends DomainEvent>(
  deps: LaneDeps,
  decider: Decider<S, C, E>,
  id: string,
  round: readonly Waiting<S, C, E>[],
  conflict: RevisionConflict,
): Promise<Waiting<S, C, E>[]> {
  await deps.loadCurrent(decider, id)
  const again: Waiting<S, C, E>[] = []
  for (const waiting of round)
    if (performance.now() > waiting.deadline) waiting.reject(conflict)
    else again.push(waiting)
  if (again.length > 0)
    // Jitter: two processes that met once should not meet again at once.
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 10))
  return again
}

const tooLarge = (event: NewEvent) =>
  new EventTooLarge(`${event.type} is above ${MAX_EVENT_BYTES} bytes`, sizeOf([event]))

function sizeOf(events: readonly NewEvent[]): number {
  let bytes = 0
  for (const event of events)
    bytes += Buffer.byteLength(event.data) + Buffer.byteLength(event.metadata)
  return bytes
}
