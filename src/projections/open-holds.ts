/**
 * Holds that have not ended: what is reserved, for whom and since when. Sweeps look here for calls that
 * nobody ended. A document goes when its hold ends.
 */
import { accountEvents, type AccountData } from '../domain/account/events.ts'
import { parseStreamName } from '../domain/decider.ts'
import { type ProjectedEvent, projection } from './projection.ts'
import type { Page, Views } from './views.ts'

export interface OpenHold {
  readonly open: 1
  readonly orgId: string
  readonly invocationId: string
  readonly amountNanos: string
  readonly placedAt: string
  readonly userId?: string
  readonly keyId?: string
  readonly endUser?: string
  readonly agentId: string
  readonly agentVersion: number
  readonly model: string
  /** The most that the provider can take; absent for made-up answers. */
  readonly costBoundNanos?: string
}

const keyOf = (event: ProjectedEvent<{ readonly invocationId: string }>) => event.data.invocationId
const ended = { keys: keyOf, project: () => undefined }

function placed({ data, stream }: ProjectedEvent<AccountData<'HoldPlaced'>>): OpenHold {
  const { invocationId, amountNanos, at, userId, keyId, endUser, agentId, agentVersion } = data
  const { costBoundNanos, practice } = data
  return {
    open: 1,
    orgId: parseStreamName(stream).id,
    invocationId,
    amountNanos,
    placedAt: at,
    ...(userId === undefined ? {} : { userId }),
    ...(keyId === undefined ? {} : { keyId }),
    ...(endUser === undefined ? {} : { endUser }),
    agentId,
    agentVersion,
    model: data.model,
    ...(costBoundNanos === undefined || practice ? {} : { costBoundNanos }),
  }
}

export const openHolds = projection<OpenHold, typeof accountEvents>(accountEvents, {
  name: 'open-holds',
  version: 2,
  indexes: {
    placed: { equals: ['open'], orderBy: 'placedAt' },
    org: { equals: ['orgId'], orderBy: 'placedAt' },
  },
  on: {
    HoldPlaced: { keys: keyOf, project: (_hold, event) => placed(event) },
    HoldSettled: ended,
    HoldReleased: ended,
  },
})

/** Every open hold placed before `before`, oldest first: for sweeps. */
export async function* holdsPlacedBefore(views: Views, before?: string): AsyncIterable<OpenHold> {
  for (let after: string | undefined; ;) {
    const page: Page<OpenHold> = await views.find(openHolds, {
      index: 'placed',
      equals: { open: 1 },
      limit: 500,
      ...(before === undefined ? {} : { to: before }),
      ...(after === undefined ? {} : { after }),
    })
    yield* page.items
    after = page.next
    if (after === undefined) return
  }
}

/** The most that the providers can take for all calls that have not ended. */
export async function boundsHeld(views: Views): Promise<bigint> {
  let sum = 0n
  for await (const { costBoundNanos = '0' } of holdsPlacedBefore(views))
    sum += BigInt(costBoundNanos)
  return sum
}
