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
  pagesOfPaddleEvents,
} from '../projections/paddle-events.ts'
import {
  findLinks,
  linkingEvents,
  linksMadeAfter,
  newestLink,
  wakesOf,
} from '../projections/payment-links.ts'
import type { Views } from '../projections/views.ts'
import { takeUp } from './take-up.ts'
import type { NewJob, Sweep, Worker } from './worker.ts'

const NAME = 'apply-paddle-events'
const WHOLE_EVERY_MS = 60 * 60_000

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

/**
 * What was parked is looked for by what it waits for, as far as that appeared since the last look. All
 * that is parked is looked through at the first look of a process, and every hour.
 */
export function applyPaddleEventsSweep(deps: Deps): Sweep {
  const { views, clock } = deps
  let last: { readonly wholeAt: number; readonly link: bigint } | undefined
  return {
    name: NAME,
    async run(signal) {
      const open = paddleEventsThatAre(views, 'received')
      const applied = await takeUp(deps, NAME, open, signal, async ({ eventId }) => {
        await applyPaddleEvent(deps, eventId)
      })
      const now = clock.now().getTime()
      const isWhole = last === undefined || now - last.wholeAt >= WHOLE_EVERY_MS
      // Before what is parked: a link that comes meanwhile is found by the next look.
      const link = (await newestLink(views)) ?? -1n
      const due = !last || isWhole ? allDue(views) : dueSince(views, last.link)
      const found = await takeUp(deps, NAME, due, signal, again(deps))
      if (signal.aborted) return applied + found
      last = { wholeAt: isWhole ? now : (last?.wholeAt ?? now), link }
      return applied + found
    },
  }
}

/** Parked ones of which something that they wait for is there. */
async function* allDue(views: Views): AsyncIterable<string> {
  for await (const page of pagesOfPaddleEvents(views, 'parked')) {
    const links = await findLinks(views, [...new Set(page.flatMap(waitsOf))])
    for (const one of page) if (waitsOf(one).some((key) => links.has(key))) yield one.eventId
  }
}

const waitsOf = ({ waitsFor = [] }: ListedPaddleEvent): readonly string[] => waitsFor

/** Parked ones of which something that they wait for has appeared since. */
async function* dueSince(views: Views, link: bigint): AsyncIterable<string> {
  const due = new Set<string>()
  for await (const key of linksMadeAfter(views, link))
    for (const eventId of await paddleEventsWaitingFor(views, key)) due.add(eventId)
  yield* due
}

/** Not counted where it still waits: what it found was not enough. */
const again =
  (deps: Deps) =>
  async (eventId: string): Promise<boolean> =>
    (await applyPaddleEvent(deps, eventId)) === 'applied'
