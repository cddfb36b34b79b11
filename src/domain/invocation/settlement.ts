/**
 * What the end of a call means for its hold. charge = min(price − waived, hold). `waived` is what a
 * policy gives free (a provider's failure, `cancel_free`); `uncollected` is what lies above the hold: the
 * seller's loss, listed, never the buyer's surprise. charge + waived + uncollected = price, to the nano.
 * Without known quantities nothing is charged: the hold goes back and the call is listed as unknown.
 */
import type { z } from 'zod'
import type { AbortPolicy, OnProviderFailure } from '../agent/events.ts'
import { minNanos, priceOf } from '../money.ts'
import type { ChainLink, FailureReason, ReleaseReason, settlement, Usage } from './events.ts'

/** As events store it: nanos in text. */
export type StoredSettlement = z.output<typeof settlement>

export type Settlement =
  | {
      readonly kind: 'settle'
      readonly priceNanos: bigint
      readonly chargeNanos: bigint
      readonly waivedNanos: bigint
      readonly uncollectedNanos: bigint
      readonly costNanos: bigint
    }
  | { readonly kind: 'release'; readonly reason: ReleaseReason }

export interface Ending {
  readonly kind: 'completed' | 'failed' | 'canceled'
  /** Of a failed one. */
  readonly reason?: FailureReason
  /** undefined: the provider was never called. */
  readonly usage: Usage | undefined
}

export interface Terms {
  /** The model that was called last: it alone is priced, attempts before it said nothing. */
  readonly link: ChainLink
  readonly holdNanos: bigint
  readonly abortPolicy: AbortPolicy
  readonly onProviderFailure: OnProviderFailure
}

export function settle(ending: Ending, terms: Terms): Settlement {
  const reason = releasedBecause(ending)
  if (reason) return { kind: 'release', reason }
  if (!ending.usage || ending.usage.basis === 'unknown')
    return { kind: 'release', reason: 'usage_unknown' }
  const priceNanos = priceOf(ending.usage.quantities, terms.link.price)
  const waivedNanos = isFree(ending, terms) ? priceNanos : 0n
  const chargeNanos = minNanos(priceNanos - waivedNanos, terms.holdNanos)
  return {
    kind: 'settle',
    priceNanos,
    chargeNanos,
    waivedNanos,
    uncollectedNanos: priceNanos - waivedNanos - chargeNanos,
    costNanos: priceOf(ending.usage.quantities, terms.link.cost),
  }
}

/** Never called, expired and interrupted calls are not priced, whatever else is known of them. */
function releasedBecause(ending: Ending): ReleaseReason | undefined {
  if (ending.reason === 'expired' || ending.reason === 'interrupted') return ending.reason
  if (ending.usage) return undefined
  return ending.kind === 'completed' ? 'usage_unknown' : ending.kind
}

function isFree(ending: Ending, terms: Terms): boolean {
  switch (ending.kind) {
    case 'completed':
      return false
    case 'failed':
      return terms.onProviderFailure === 'free'
    case 'canceled':
      return terms.abortPolicy === 'cancel_free'
  }
}

export function storedSettlement(one: Settlement): StoredSettlement {
  if (one.kind === 'release') return one
  return {
    kind: 'settle',
    priceNanos: one.priceNanos.toString(),
    chargeNanos: one.chargeNanos.toString(),
    waivedNanos: one.waivedNanos.toString(),
    uncollectedNanos: one.uncollectedNanos.toString(),
    costNanos: one.costNanos.toString(),
  }
}

export function readSettlement(stored: StoredSettlement): Settlement {
  if (stored.kind === 'release') return stored
  return {
    kind: 'settle',
    priceNanos: BigInt(stored.priceNanos),
    chargeNanos: BigInt(stored.chargeNanos),
    waivedNanos: BigInt(stored.waivedNanos),
    uncollectedNanos: BigInt(stored.uncollectedNanos),
    costNanos: BigInt(stored.costNanos),
  }
}
