/**
 * Applies what Paddle told us, soon after it was received, and what was parked as soon as the thing that
 * it waits for appears. One that was parked is tried once more: the link may have come between the look
 * and the parking. The sweep finds what a crash or a lost queue has left.
 */
import { applyPaddleEvent } from '../commands/paddle-event/apply-paddle-event.ts'
import type { Deps } from '../commands/deps.ts'
import type { StoredEvent } from '../ports/event-store.ts'
import {
  type ListedPaddleEvent,
  paddleEventsThatAre,
  paddleEventsWaitingFor,
} from '../projections/paddle-events.ts'
import { findLinks, linkingEvents, wakesOf } from '../projections/payment-links.ts'
import { takeUp } from './take-up.ts'
import type { NewJob, Sweep, Worker } from './worker.ts'

const NAME = 'apply-paddle-events'

/** One event of Paddle, or all that wait for one of these links. */
type Job = { readonly eventId: string } | { readonly links: readonly string[] }

function itself({ id, data }: StoredEvent): NewJob {
  return { id, payload: { eventId: String(data['eventId']) } satisfies Job }
}

function itsLinks(event: StoredEvent): NewJob | undefined {
  const links = wakesOf(event)
  return links.length === 0 ? undefined : { id: event.id, payload: { links } satisfies Job }
}

export const applyPaddleEvents = (deps: Deps): Worker => ({
  name: NAME,
  concurrency: 4,
  on: {
    PaddleEventReceived: itself,
    PaddleEventParked: itself,
    PaddleEventReopened: itself,
    ...Object.fromEntries(linkingEvents.map((type) => [type, itsLinks])),
  },
  async handle(job: Job) {
    if ('eventId' in job) await applyPaddleEvent(deps, job.eventId)
    else
      for (const link of job.links)
        for (const eventId of await paddleEventsWaitingFor(deps.views, link))
          await applyPaddleEvent(deps, eventId)
  },
})

export const applyPaddleEventsSweep = (deps: Deps): Sweep => ({
  name: NAME,
  async run(signal) {
    const open = paddleEventsThatAre(deps.views, 'received')
    const applied = await takeUp(deps, NAME, open, signal, async ({ eventId }) => {
      await applyPaddleEvent(deps, eventId)
    })
    return applied + (await takeUp(deps, NAME, due(deps), signal, again(deps)))
  },
})

/** Parked ones of which something that they wait for is there. */
async function* due({ views }: Deps): AsyncIterable<ListedPaddleEvent> {
  for await (const one of paddleEventsThatAre(views, 'parked')) {
    const links = await findLinks(views, one.waitsFor ?? [])
    if (links.size > 0) yield one
  }
}

/** Not counted where it still waits: what it found was not enough. */
const again =
  (deps: Deps) =>
  async ({ eventId }: ListedPaddleEvent): Promise<boolean> =>
    (await applyPaddleEvent(deps, eventId)) === 'applied'
