/** What every step of a call's flow does with its streams. */
import type { InvocationCommand } from '../../domain/invocation/commands.ts'
import { type Invocation, invocationDecider } from '../../domain/invocation/invocation.ts'
import type { InvocationEvent } from '../../domain/invocation/events.ts'
import { Refusal } from '../../domain/refusal.ts'
import { Unavailable } from '../../ports/unavailable.ts'
import { type CommandContext, type Root, step, systemRoot, unkeyedStep } from '../context.ts'
import type { Deps } from '../deps.ts'
import type { Transacted } from '../streams.ts'

export const instantOf = ({ clock }: Pick<Deps, 'clock'>): string => clock.now().toISOString()

/** Clocks of processes that share the work may be five minutes off; nobody's deadline comes early for it. */
export const CLOCKS_APART_MS = 6 * 60_000

/**
 * Whether a call of others is over by every clock. A process that works alone has only its own; where
 * several do, whoever ends a call may not be who gave it its deadline, so it waits for so much longer.
 */
export const isOver = ({ clock, runs }: Pick<Deps, 'clock' | 'runs'>, deadline: string): boolean =>
  clock.now().getTime() >= Date.parse(deadline) + (runs.alone ? 0 : CLOCKS_APART_MS)

/** A step of the call's flow, written down at its own time. */
export const stepNow = (
  deps: Pick<Deps, 'clock' | 'ids'>,
  root: Root,
  name: string,
): CommandContext => step(deps.ids, { ...root, at: instantOf(deps) }, name)

/**
 * A step on the account. Its fold knows each call by its id, so the stream need not also remember the
 * keys of all the requests that ever paid from it.
 */
export const accountStep = (
  deps: Pick<Deps, 'clock' | 'ids'>,
  root: Root,
  name: string,
): CommandContext => unkeyedStep(deps.ids, { ...root, at: instantOf(deps) }, name)

export const decideCall = (
  deps: Pick<Deps, 'clock' | 'ids' | 'streams'>,
  root: Root,
  name: string,
  invocationId: string,
  command: InvocationCommand,
): Promise<Transacted<Invocation, InvocationEvent>> =>
  deps.streams.transact(invocationDecider, invocationId, command, stepNow(deps, root, name))

export const loadCall = async (
  { streams }: Pick<Deps, 'streams'>,
  invocationId: string,
): Promise<Invocation> => (await streams.load(invocationDecider, invocationId)).state

/** The root of what a worker or a sweep does with a call. */
export const callRoot = (
  deps: Pick<Deps, 'clock' | 'ids'>,
  worker: string,
  { invocationId, orgId }: { readonly invocationId: string; readonly orgId: string },
): Root => systemRoot(deps.ids, worker, { id: invocationId, orgId }, instantOf(deps))

/** A store that is away is waited for so long; whatever else fails is tried as often. */
const AWAY_FOR_MS = 60_000
const TRIES = 5
const FIRST_PAUSE_MS = 200
const LONGEST_PAUSE_MS = 5_000

/**
 * Writes down what has happened outside and cannot be undone: a store that is away for a moment must
 * not lose it. A refusal is an answer.
 */
export async function persist<T>(write: () => Promise<T>): Promise<T> {
  const until = performance.now() + AWAY_FOR_MS
  for (let attempt = 1; ; attempt++)
    try {
      return await write()
    } catch (error) {
      const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** (attempt - 1), LONGEST_PAUSE_MS)
      const again =
        error instanceof Unavailable ? performance.now() + pauseMs < until : attempt < TRIES
      if (!again || error instanceof Refusal) throw error
      await pause(pauseMs)
    }
}

/** Waits, or less where the signal aborts. Never rejects. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal?.addEventListener('abort', done)
  })
}
