/**
 * Asks for the mails about an organization's news: one to each owner and admin, once, however often the
 * event is seen. A budget has reached a threshold, the payment for a plan has failed, money went back.
 */
import { periodOf } from '../../domain/account/budgets.ts'
import { accountEvents } from '../../domain/account/events.ts'
import { nanosToShort } from '../../domain/money.ts'
import { organization } from '../../domain/organization/organization.ts'
import { paymentEvents } from '../../domain/payment/events.ts'
import { isErased } from '../../domain/personal.ts'
import { subscriptionEvents } from '../../domain/subscription/events.ts'
import { addDays } from '../../domain/subscription/period.ts'
import { subscription } from '../../domain/subscription/subscription.ts'
import { user } from '../../domain/user/user.ts'
import type { UntoldNews } from '../../projections/untold-news.ts'
import { type Root, systemRoot } from '../context.ts'
import type { Deps } from '../deps.ts'
import { requestMail } from './request-mail.ts'

type Needs = Pick<Deps, 'streams' | 'ids' | 'sealer'>

interface Told {
  readonly facts: Readonly<Record<string, string>>
  readonly at: string
  /** What the mails are about: the event, unless several say the same. */
  readonly cause?: string
}

export async function requestNewsMails(deps: Needs, news: UntoldNews): Promise<void> {
  const { kind, orgId, eventId, correlationId } = news
  const { state: host } = await deps.streams.load(organization, orgId)
  const about = host && (await factsOf(deps, news))
  if (!host || !about) return
  const told = await peopleToTell(deps, host.members)
  const facts = { ...about.facts, ...(isErased(host.name) ? {} : { organization: host.name }) }
  const cause = systemRoot(
    deps.ids,
    // The name that the first of these mails were asked for under.
    'threshold-mails',
    { id: about.cause ?? eventId, correlationId, orgId },
    about.at,
  )
  for (const { userId, email, locale } of told) {
    // One cause, and a mail of its own for each.
    const root: Root = { ...cause, id: deps.ids.derive(cause.id, userId) }
    await requestMail(deps, root, {
      kind,
      subjectId: userId,
      recipient: email,
      facts,
      locale,
      ofMails: told.length,
    })
  }
}

/** undefined: it is no news any more. */
async function factsOf(deps: Needs, news: UntoldNews): Promise<Told | undefined> {
  const stored = await deps.streams.readOne(news.stream, news.revision)
  if (!stored) return undefined
  switch (news.kind) {
    case 'budget_threshold':
      return thresholdFacts(stored.data)
    case 'payment_failed':
      return failureFacts(deps, news.orgId, stored)
    case 'payment_returned': {
      const { currency, totalMinor, at } = paymentEvents.PaymentReturned.schema.parse(stored.data)
      return { facts: { amount: moneyText(totalMinor, currency) }, at }
    }
  }
}

function thresholdFacts(data: unknown): Told {
  const reached = accountEvents.BudgetThresholdReached.schema.parse(data)
  const { ruling, per, period, periodStart, percent, spentNanos, amountNanos, hard } = reached
  return {
    facts: {
      budget: ruling.rule,
      per,
      period,
      percent: String(percent),
      spent: `${nanosToShort(BigInt(spentNanos))} USD`,
      amount: `${nanosToShort(BigInt(amountNanos))} USD`,
      hard: String(hard),
      resets_at: periodOf(period, periodStart).to,
    },
    at: reached.at,
  }
}

/** Messages may come late: what counts is whether the payment is due now, and since when. */
async function failureFacts(
  deps: Needs,
  orgId: string,
  { type, data }: { readonly type: string; readonly data: unknown },
): Promise<Told | undefined> {
  const { SubscriptionStarted, SubscriptionStatusChanged } = subscriptionEvents
  const { subscriptionId, at } =
    type === 'SubscriptionStarted'
      ? SubscriptionStarted.schema.parse(data)
      : SubscriptionStatusChanged.schema.parse(data)
  const { state } = await deps.streams.load(subscription, orgId)
  const found = state.all.get(subscriptionId)
  if (found?.status !== 'past_due' || found.pastDueSince === undefined) return undefined
  const { pastDueSince, graceDays } = found
  return {
    facts: graceDays > 0 ? { grace_until: addDays(pastDueSince, graceDays) } : {},
    at,
    cause: `${subscriptionId}/${pastDueSince}`,
  }
}

/** `1050` of `EUR` as `10.50 EUR`; a currency without a smaller unit has no point. */
function moneyText(minor: string, currency: string): string {
  const { maximumFractionDigits: digits = 2 } = new Intl.NumberFormat('en', {
    style: 'currency',
    currency,
  }).resolvedOptions()
  if (digits === 0) return `${minor} ${currency}`
  const padded = minor.padStart(digits + 1, '0')
  return `${padded.slice(0, -digits)}.${padded.slice(-digits)} ${currency}`
}

/** Owners and admins who can be written to. */
async function peopleToTell(
  { streams }: Pick<Deps, 'streams'>,
  members: ReadonlyMap<string, string>,
): Promise<readonly { userId: string; email: string; locale: string }[]> {
  const told = []
  for (const [userId, role] of members) {
    if (role !== 'owner' && role !== 'admin') continue
    const { state: person } = await streams.load(user, userId)
    if (!person?.active || person.provisional || isErased(person.email)) continue
    told.push({ userId, email: person.email, locale: person.locale })
  }
  return told
}
