/**
 * Lots with a day on which they expire, and what is left in each (free or held): where the sweep looks
 * for credit that has expired. A lot that is used up is no longer in the index.
 */
import { type AccountEvent, accountEvents } from '../domain/account/events.ts'
import type { LotPart } from '../domain/account/lots.ts'
import { parseStreamName } from '../domain/decider.ts'
import { type ProjectedEvent, projection } from './projection.ts'
import { addNanos } from './usage-totals.ts'
import type { Page, Views } from './views.ts'

export interface ExpiringLot {
  readonly orgId: string
  readonly lotId: string
  readonly expiresAt: string
  readonly leftNanos: string
  /** Present while anything is left. */
  readonly open?: 1
}

interface Change {
  readonly lotId: string
  readonly by: string
  /** A lot begins to exist with it; without a day it is not listed. */
  readonly expiresAt?: string
}

const less = (parts: readonly LotPart[] = []): Change[] =>
  parts.map(({ lotId, amountNanos }) => ({ lotId, by: `-${amountNanos}` }))
const more = (parts: readonly LotPart[]): Change[] =>
  parts.map(({ lotId, amountNanos }) => ({ lotId, by: amountNanos }))
const made = (lotId: string, by: string, expiresAt: string | undefined): Change[] => [
  { lotId, by, ...(expiresAt !== undefined && { expiresAt }) },
]

/** What the event does to free and held credit together, lot by lot, in the order it says it. */
function changesOf({ type, data }: AccountEvent): readonly Change[] {
  switch (type) {
    case 'CreditGranted':
      return [...made(data.lotId, data.amountNanos, data.expiresAt), ...less(data.repayments)]
    case 'CreditRevoked':
      return [{ lotId: data.lotId, by: `-${data.takenNanos}` }, ...less(data.repayments)]
    case 'CreditExpired':
      return less([data])
    case 'HoldSettled':
      return [...less(data.drawn), ...less(data.repayments)]
    case 'HoldReleased':
      return less(data.repayments)
    case 'ChargeAdjusted': {
      const { newLot, returned, drawn, repayments } = data
      const fresh = newLot ? made(newLot.lotId, newLot.amountNanos, newLot.expiresAt) : []
      return [...fresh, ...more(returned), ...less(drawn), ...less(repayments)]
    }
    case 'BillingAccountOpened':
    case 'HoldPlaced':
    case 'BudgetThresholdReached':
      return []
  }
}

function changed(
  lot: ExpiringLot | undefined,
  { lotId, by, expiresAt }: Change,
  orgId: string,
): ExpiringLot | undefined {
  const before =
    lot ?? (expiresAt === undefined ? undefined : { orgId, lotId, expiresAt, leftNanos: '0' })
  if (!before) return undefined
  const leftNanos = addNanos(before.leftNanos, by)
  return {
    orgId,
    lotId,
    expiresAt: before.expiresAt,
    leftNanos,
    ...(leftNanos !== '0' && { open: 1 }),
  }
}

// Only account events come here: the handlers are declared over them.
const accountEventOf = (event: ProjectedEvent<unknown>) => event as unknown as AccountEvent
const handler = {
  keys: (event: ProjectedEvent<unknown>) => [
    ...new Set(changesOf(accountEventOf(event)).map(({ lotId }) => lotId)),
  ],
  project(lot: ExpiringLot | undefined, event: ProjectedEvent<unknown>, key: string) {
    const orgId = parseStreamName(event.stream).id
    return changesOf(accountEventOf(event))
      .filter(({ lotId }) => lotId === key)
      .reduce<ExpiringLot | undefined>((view, change) => changed(view, change, orgId), lot)
  },
}

export const expiringCredit = projection<ExpiringLot, typeof accountEvents>(accountEvents, {
  name: 'expiring-credit',
  version: 1,
  indexes: { expires: { equals: ['open'], orderBy: 'expiresAt' } },
  on: {
    CreditGranted: handler,
    CreditRevoked: handler,
    CreditExpired: handler,
    HoldSettled: handler,
    HoldReleased: handler,
    ChargeAdjusted: handler,
  },
})

/** Organizations with lots whose day has come by `now` and that are not used up. */
export async function accountsWithExpired(views: Views, now: string): Promise<Set<string>> {
  const found = new Set<string>()
  for (let after: string | undefined; ;) {
    const page: Page<ExpiringLot> = await views.find(expiringCredit, {
      index: 'expires',
      equals: { open: 1 },
      // `to` is exclusive, a lot's day is not.
      to: `${now}~`,
      limit: 500,
      ...(after !== undefined && { after }),
    })
    for (const lot of page.items) found.add(lot.orgId)
    after = page.next
    if (after === undefined) return found
  }
}
