/**
 * What can be asked of an account. Ids and times come from the caller, derived from its command, so
 * that a retry asks for the very same. Amounts are nano-USD.
 */
import type { AccountData, CreditKind } from './events.ts'
import type { LotPart } from './lots.ts'

export type OpenAccount = { readonly type: 'OpenAccount' } & AccountData<'BillingAccountOpened'>

export type GrantCredit = {
  readonly type: 'GrantCredit'
  readonly amountNanos: bigint
} & Readonly<Omit<AccountData<'CreditGranted'>, 'amountNanos' | 'repayments'>>

export type RevokeCredit = {
  readonly type: 'RevokeCredit'
  /** All that was not asked back yet, where left out. */
  readonly amountNanos?: bigint
} & Readonly<
  Pick<
    AccountData<'CreditRevoked'>,
    'revocationId' | 'lotId' | 'reason' | 'source' | 'sourceId' | 'at'
  >
>

/**
 * The credit that a payment stands for is now so much: what is more than before comes as a further lot,
 * what is less is taken back from the payment's own lots.
 */
export type PostCredit = {
  readonly type: 'PostCredit'
  /** The provider's id of the payment. */
  readonly paymentId: string
  readonly targetNanos: bigint
  /** Derived from the command: names the grant, or the revocations. */
  readonly postId: string
  /** For a further lot, where one is needed. */
  readonly lotId: string
  /** For what was withdrawn and comes back after `expiresAt`: a lot without an end. */
  readonly lastingLotId: string
  readonly kind: CreditKind
  readonly expiresAt?: string
  readonly reason: string
  readonly at: string
}

/** Writes down what has expired by `at`. */
export type ExpireCredit = { readonly type: 'ExpireCredit'; readonly at: string }

export type PlaceHold = {
  readonly type: 'PlaceHold'
  /** The most that the call can cost. */
  readonly amountNanos: bigint
} & Readonly<Omit<AccountData<'HoldPlaced'>, 'amountNanos' | 'parts'>>

export type SettleHold = {
  readonly type: 'SettleHold'
  /** Price of the usage at the hold's price list version; the account computes the charge from it. */
  readonly priceNanos: bigint
  /** What of the price is given free. */
  readonly waivedNanos: bigint
  readonly costNanos: bigint
} & Readonly<
  Pick<AccountData<'HoldSettled'>, 'invocationId' | 'model' | 'usageBasis' | 'quantities' | 'at'>
>

export type ReleaseHold = { readonly type: 'ReleaseHold' } & Readonly<
  Pick<AccountData<'HoldReleased'>, 'invocationId' | 'reason' | 'at'>
>

export type AdjustCharge = {
  readonly type: 'AdjustCharge'
  /** Positive in the buyer's favour, negative against. */
  readonly amountNanos: bigint
  /** For the lot that is made where credit would return to one that has expired. */
  readonly newLotId: string
  /**
   * `drawn` of the invocation's HoldSettled, as it stands in this account's stream: the handler reads
   * it there, since the fold forgets charges. Left out where there is none. An event never changes, so
   * it cannot be out of date; what was adjusted since is in the fold.
   */
  readonly charged?: readonly LotPart[]
} & Readonly<
  Pick<AccountData<'ChargeAdjusted'>, 'adjustmentId' | 'invocationId' | 'reason' | 'of' | 'at'>
>

export type AccountCommand =
  | OpenAccount
  | GrantCredit
  | RevokeCredit
  | PostCredit
  | ExpireCredit
  | PlaceHold
  | SettleHold
  | ReleaseHold
  | AdjustCharge
