/**
 * Everything that ever happens to an organization's money: the stored contract. An event names each lot
 * it touches with the amount, so that the balance follows from the log alone (README.md, the equation)
 * and a reader never has to repeat a decision. Amounts are nano-USD and never negative, except the
 * adjustment's own.
 */
import { z } from 'zod'
import { event, type EventsOf } from '../event.ts'
import { idField, idSchema, instant, instantText } from '../ids.ts'
import { nanos, nanosText, tokenQuantities } from '../money.ts'
import { dimensions } from '../invocation/events.ts'
import { modelName } from '../model/events.ts'
import { clear, SELLER, shownTo } from '../personal.ts'
import { budgetPeriods, ruling } from '../policy/events.ts'

const amountText = z
  .string()
  .regex(/^(0|[1-9]\d{0,18})$/)
  .meta({ description: 'nano-USD, never negative' })
const amount = clear(amountText)

/** So much of that lot. */
export const lotPart = z.strictObject({ lotId: idSchema('lot'), amountNanos: amountText })
/** The account's balance after this: what the caller is told, also when asked again years later. */
const balanceNanos = clear(z.exactOptional(nanosText))
const partsOfLots = z.array(lotPart)
const lotParts = clear(partsOfLots)
/** Free credit that went to the account's debt, lot by lot: both fall, the balance stays. */
const repayments = clear(z.exactOptional(partsOfLots))

/** How the customer came by the credit. Paid credit is drawn last. */
export const creditKinds = ['promotional', 'trial', 'included', 'paid'] as const
export const creditKind = z.enum(creditKinds)
export type CreditKind = z.output<typeof creditKind>

/** Who said so: a person, the plan, or the payment provider. `sourceId` names the plan or transaction. */
export const creditSource = z.enum(['administrator', 'plan', 'provider'])

/** An id derived from the command that states the fact: the account takes each once. */
const factId = clear(z.string().min(1).max(128))
/** A note for the books, kept for ever: never a person's data. */
const reason = clear(z.string().min(1).max(500))
const invocationId = idField('invocation')
const lotId = idField('lot')
const model = clear(modelName)
const priceListVersion = clear(z.int().positive())
const source = clear(creditSource)
const sourceId = clear(z.exactOptional(z.string().min(1).max(128)))

/** A part of a call in the content store; the digest is salted. */
export const contentReference = z.strictObject({
  part: z.string().min(1).max(64),
  ref: z.string().min(1).max(256),
  digest: z.string().min(1).max(128),
  /** Bytes. */
  size: z.int().nonnegative(),
})

/** reported by the provider · counted by us · estimated by us · unknown (listed, never taken for zero). */
export const usageBasis = z.enum(['reported', 'counted', 'estimated', 'unknown'])

/** For whom an account knows what was spent. */
export const accountDimensions = ['organization', 'user', 'end_user', 'key', 'agent'] as const
const accountDimension = z.enum(accountDimensions)

/** A budget that a hold was placed under: what binds it until its call is settled. */
export const keptBudget = z.strictObject({
  ruling,
  per: accountDimension,
  period: z.enum(budgetPeriods),
  amountNanos: amountText,
  hard: z.boolean(),
  thresholds: z.array(z.int().positive()).max(10).readonly(),
  /** Only calls of these agents count. */
  agents: z.exactOptional(z.array(idSchema('agent')).min(1).max(50).readonly()),
})
export type KeptBudget = Readonly<z.output<typeof keptBudget>>

export const accountEvents = {
  BillingAccountOpened: event('The organization has a billing account.', {
    orgId: idField('organization'),
    at: instant,
  }),
  CreditGranted: event('A lot of credit exists from now on; what debt there was, it pays first.', {
    grantId: factId,
    lotId,
    kind: clear(creditKind),
    amountNanos: amount,
    /** From this moment nothing of the lot can be reserved; what is free of it expires. */
    expiresAt: clear(z.exactOptional(instantText)),
    reason,
    source,
    sourceId,
    /** Start of the calendar period that the credit is included for. */
    period: clear(z.exactOptional(instantText)),
    repayments,
    at: instant,
  }),
  CreditRevoked: event(
    'Credit was taken back. What was free of the lot is gone, the rest is the account’s debt.',
    {
      revocationId: factId,
      lotId,
      /** What the balance falls by: taken + debt. */
      amountNanos: amount,
      takenNanos: amount,
      debtNanos: amount,
      /** Asked back too, but expired before: the balance has fallen by it already. */
      expiredBeforeNanos: amount,
      reason,
      source,
      sourceId,
      repayments,
      at: instant,
    },
  ),
  CreditExpired: event('The lot’s day has passed: what was free of it is gone.', {
    lotId,
    amountNanos: amount,
    at: instant,
  }),
  HoldPlaced: event(
    'Credit is reserved for one call: the most that it can cost. Carries what is needed to accept it.',
    {
      invocationId,
      amountNanos: amount,
      parts: lotParts,
      /** When the request reached us. */
      requestedAt: instant,
      at: instant,
      /** Who asked: a person, or nobody where a key acts for the organization. */
      userId: clear(z.exactOptional(idSchema('user'))),
      keyId: clear(z.exactOptional(idSchema('apiKey'))),
      /** HMAC of the caller's own end user. */
      endUser: clear(z.exactOptional(z.string().min(1).max(128))),
      agentId: idField('agent'),
      agentVersion: clear(z.int().positive()),
      label: clear(z.exactOptional(z.string().min(1).max(64))),
      /** First model of the chain. */
      model,
      priceListId: idField('priceList'),
      priceListVersion,
      /** Digest of the request: an equal key with another one is another wish. */
      requestDigest: clear(z.exactOptional(z.string().min(1).max(128))),
      contents: clear(z.array(contentReference).max(16)),
      /** Absent where none binds it. */
      budgets: clear(z.exactOptional(z.array(keptBudget).max(100).readonly())),
      /** The most that the provider can take from the seller for it; absent in holds of before. */
      costBoundNanos: shownTo(SELLER, clear(z.exactOptional(amountText))),
      /** The built-in practice model answers. */
      practice: clear(z.exactOptional(z.literal(true))),
    },
  ),
  HoldSettled: event('The call was charged; what it did not need of its hold is free again.', {
    invocationId,
    /** What was held: readers of one event at a time see what becomes free. */
    holdNanos: amount,
    /** charge + waived + uncollected is the price of the usage; the charge never exceeds the hold. */
    chargeNanos: amount,
    /** Given free by a rule. */
    waivedNanos: amount,
    /** Above the hold: the seller's loss. */
    uncollectedNanos: amount,
    /** What the provider takes from the seller. */
    costNanos: shownTo(SELLER, amount),
    balanceNanos,
    /** The charge, lot by lot. The other parts of the hold return to their lots. */
    drawn: lotParts,
    /** The model that answered. */
    model,
    priceListId: idField('priceList'),
    priceListVersion,
    usageBasis: clear(usageBasis),
    quantities: clear(z.exactOptional(tokenQuantities)),
    practice: clear(z.exactOptional(z.literal(true))),
    repayments,
    at: instant,
  }),
  HoldReleased: event('The call costs nothing; its hold returns to the lots it came from.', {
    invocationId,
    holdNanos: amount,
    balanceNanos,
    reason: clear(z.string().regex(/^[a-z][a-z0-9_]{0,63}$/)),
    repayments,
    at: instant,
  }),
  BudgetThresholdReached: event(
    'What was charged in a period has reached so many percent of a budget. Told once each.',
    {
      ruling: clear(ruling),
      per: clear(accountDimension),
      /** Id of the person, key or agent, HMAC of the end user; absent for the organization. */
      subject: clear(z.exactOptional(z.string().min(1).max(128))),
      period: clear(z.enum(budgetPeriods)),
      /** The UTC period began then. */
      periodStart: instant,
      percent: clear(z.int().positive()),
      spentNanos: amount,
      amountNanos: amount,
      hard: clear(z.boolean()),
      /** Of a budget for these agents alone. */
      agents: clear(z.exactOptional(keptBudget.shape.agents.unwrap())),
      /** The call whose charge reached it. */
      invocationId,
      at: instant,
    },
  ),
  ChargeAdjusted: event('A person corrected the charge of one call.', {
    adjustmentId: factId,
    invocationId,
    /** Positive in the buyer's favour, negative against. */
    amountNanos: nanos,
    /** In favour: what went back to the lots it came from. */
    returned: lotParts,
    /** In favour, where such a lot has expired: a new lot instead. */
    newLot: clear(
      z.exactOptional(
        z.strictObject({
          lotId: idSchema('lot'),
          amountNanos: amountText,
          expiresAt: instantText,
        }),
      ),
    ),
    /** Against: what was drawn, lot by lot. */
    drawn: lotParts,
    /** What the call is still charged after this, in the order it was drawn. */
    remaining: lotParts,
    reason,
    /** Whom and what the call was for, where it is known: usage is grouped by it. */
    of: clear(z.exactOptional(dimensions)),
    repayments,
    at: instant,
  }),
}
export type AccountEvent = EventsOf<typeof accountEvents>
/** The data of one type of event. */
export type AccountData<T extends AccountEvent['type']> = Extract<AccountEvent, { type: T }>['data']
