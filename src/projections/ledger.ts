/**
 * An account as a ledger: one line for each event, with what it did to the balance and to what is held.
 * A line knows only its own event; the balance after it is counted from the account's balance backwards
 * (ledgerPage), so the sums always agree with the account.
 */
import { accountEvents, type AccountEvent } from '../domain/account/events.ts'
import { parseStreamName } from '../domain/decider.ts'
import { accountBalance } from './account-balance.ts'
import { type Effect, effectOf } from './account-effect.ts'
import { projection, type ProjectedEvent } from './projection.ts'
import type { Views } from './views.ts'

export const ledgerKinds = [
  'opened',
  'credit',
  'revocation',
  'expiry',
  'hold',
  'charge',
  'release',
  'adjustment',
] as const
export type LedgerKind = (typeof ledgerKinds)[number]

export interface LedgerLine extends Effect {
  readonly orgId: string
  readonly revision: number
  readonly at: string
  readonly kind: LedgerKind
  readonly lotId?: string
  readonly creditKind?: string
  readonly expiresAt?: string
  readonly invocationId?: string
  readonly agentId?: string
  readonly model?: string
  readonly reason?: string
  readonly source?: string
  readonly waivedNanos?: string
  readonly uncollectedNanos?: string
  readonly practice?: true
}

type Said = Partial<Omit<LedgerLine, keyof Effect | 'orgId' | 'revision' | 'at' | 'kind'>>

/** A threshold of a budget moves nothing. */
type Entered = Exclude<AccountEvent, { type: 'BudgetThresholdReached' }>

function said({ type, data }: Entered): { kind: LedgerKind } & Said {
  switch (type) {
    case 'BillingAccountOpened':
      return { kind: 'opened' }
    case 'CreditGranted': {
      const { lotId, kind, expiresAt, reason, source } = data
      const expiry = expiresAt === undefined ? {} : { expiresAt }
      return { kind: 'credit', lotId, creditKind: kind, ...expiry, reason, source }
    }
    case 'CreditRevoked': {
      const { lotId, reason, source } = data
      return { kind: 'revocation', lotId, reason, source }
    }
    case 'CreditExpired':
      return { kind: 'expiry', lotId: data.lotId }
    case 'HoldPlaced': {
      const { invocationId, agentId, model, practice } = data
      return { kind: 'hold', invocationId, agentId, model, ...(practice && { practice }) }
    }
    case 'HoldSettled': {
      const { invocationId, model, waivedNanos, uncollectedNanos, practice } = data
      const line = { invocationId, model, waivedNanos, uncollectedNanos }
      return { kind: 'charge', ...line, ...(practice && { practice }) }
    }
    case 'HoldReleased':
      return { kind: 'release', invocationId: data.invocationId, reason: data.reason }
    case 'ChargeAdjusted':
      return { kind: 'adjustment', invocationId: data.invocationId, reason: data.reason }
  }
}

const handler = {
  keys: ({ stream, revision }: ProjectedEvent<unknown>) =>
    `${parseStreamName(stream).id}|${String(revision).padStart(12, '0')}`,
  project(
    _line: LedgerLine | undefined,
    event: ProjectedEvent<{ readonly at: string }>,
  ): LedgerLine {
    return {
      orgId: parseStreamName(event.stream).id,
      revision: event.revision,
      at: event.data.at,
      // As in effectOf.
      ...said(event as unknown as Entered),
      ...effectOf(event),
    }
  },
}

export const ledger = projection<LedgerLine, typeof accountEvents>(accountEvents, {
  name: 'ledger',
  version: 1,
  indexes: {
    org: { equals: ['orgId'], orderBy: 'revision' },
    invocation: { equals: ['invocationId'], orderBy: 'revision' },
  },
  on: {
    BillingAccountOpened: handler,
    CreditGranted: handler,
    CreditRevoked: handler,
    CreditExpired: handler,
    HoldPlaced: handler,
    HoldSettled: handler,
    HoldReleased: handler,
    ChargeAdjusted: handler,
  },
})

/** A line with what the account had after it. */
export interface LedgerRow extends LedgerLine {
  readonly balanceAfterNanos: string
  readonly heldAfterNanos: string
}
/** Where a page ended: the revision of its last line, and what the account had before that. */
export interface LedgerPlace {
  readonly revision: number
  readonly balanceNanos: string
  readonly heldNanos: string
}

/**
 * Lines of an account, newest first. Begins at the account's balance as it is known, so lines that came
 * since wait for the next look; undefined: the ledger is behind the balance (it is being rebuilt).
 */
export async function ledgerPage(
  views: Views,
  orgId: string,
  { limit, after }: { limit: number; after?: LedgerPlace },
): Promise<{ rows: LedgerRow[]; next: LedgerPlace | undefined } | undefined> {
  const start = after ?? (await newest(views, orgId))
  if (!start) return { rows: [], next: undefined }
  const page = await views.find(ledger, {
    index: 'org',
    equals: { orgId },
    descending: true,
    limit,
    to: start.revision,
  })
  if (start.revision > 0 && page.items[0]?.revision !== start.revision - 1) return undefined
  let balance = BigInt(start.balanceNanos)
  let held = BigInt(start.heldNanos)
  const rows: LedgerRow[] = []
  for (const line of page.items) {
    rows.push({
      ...line,
      balanceAfterNanos: balance.toString(),
      heldAfterNanos: held.toString(),
    })
    balance -= BigInt(line.balanceNanos)
    held -= BigInt(line.heldNanos)
  }
  const last = rows.at(-1)
  const next = last && {
    revision: last.revision,
    balanceNanos: balance.toString(),
    heldNanos: held.toString(),
  }
  return { rows, next: last && last.revision > 0 ? next : undefined }
}

async function newest(views: Views, orgId: string): Promise<LedgerPlace | undefined> {
  const account = await views.get(accountBalance, orgId)
  return (
    account && {
      revision: account.revision + 1,
      balanceNanos: account.balanceNanos,
      heldNanos: account.heldNanos,
    }
  )
}

/** Revision of a call's charge in its account's stream: where to look, the event itself decides. */
export async function revisionOfCharge(
  views: Views,
  invocationId: string,
): Promise<number | undefined> {
  const equals = { invocationId }
  const { items } = await views.find(ledger, { index: 'invocation', equals, limit: 100 })
  return items.find((line) => line.kind === 'charge')?.revision
}
