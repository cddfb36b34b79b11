/**
 * Who asks, and the identity of what is asked. Every append of a flow has a commandId of its own,
 * derived from the root, so that a retry of the flow repeats its appends instead of adding to them.
 */
import type { ActorRef } from '../domain/metadata.ts'
import { idFromUuid, type Id, type Noun } from '../domain/ids.ts'
import type { Ids } from '../ports/ids.ts'

/** One wish: a request, or what an event made a worker do. */
export interface Root {
  /** uuidv5(principal, route, Idempotency-Key or our own request id); for a worker the event's id. */
  readonly id: string
  readonly actor: ActorRef
  /** ISO time at which the wish was taken up. */
  readonly at: string
  readonly correlationId: string
  readonly causationId: string
  readonly orgId?: string
  /** Keyed digest of the request where the client sent an Idempotency-Key. */
  readonly digest?: string
  readonly traceparent?: string
}

/** One append of a flow. */
export interface CommandContext extends Root {
  readonly commandId: string
}

/** The append `name` of a flow. */
export const step = (ids: Ids, root: Root, name: string): CommandContext => ({
  ...root,
  commandId: ids.derive(root.id, name),
})

/** The same append without a memory of its key: the flow finds its repeats another way. */
export function unkeyedStep(ids: Ids, root: Root, name: string): CommandContext {
  const { digest: _digest, ...rest } = step(ids, root, name)
  return rest
}

/** The same flow under a name of its own: whoever takes it up (a request, a sweep) writes the same ids. */
export function namedRoot(ids: Ids, root: Root, name: string): Root {
  const { digest: _digest, ...rest } = root
  return { ...rest, id: ids.derive(NAMESPACE, name) }
}

/** The id of what this flow creates: a retry creates the same. */
export const newId = <N extends Noun>(ids: Ids, root: Root, noun: N, name: string = noun): Id<N> =>
  idFromUuid(noun, ids.derive(root.id, `id:${name}`))

/** The root of what a worker does because of an event, or of something that has a name (a period). */
export const systemRoot = (
  ids: Ids,
  worker: string,
  cause: { id: string; correlationId?: string; orgId?: string },
  at: string,
): Root => ({
  id: ids.derive(ids.derive(NAMESPACE, `system/${worker}`), cause.id),
  actor: { kind: 'system', name: worker },
  at,
  correlationId: cause.correlationId ?? cause.id,
  causationId: cause.id,
  ...(cause.orgId === undefined ? {} : { orgId: cause.orgId }),
})

/** The uuid under which all of Daybook's own names live (random, fixed for ever). */
export const NAMESPACE = '5b1d6d1e-2f0c-4c52-9d5a-7f3f0a8c9e11'
