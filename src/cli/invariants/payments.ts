/**
 * W1, W2: what a payment provider said was taken once, and every account has for each payment the credit
 * that the messages about it give, added up here in the plainest way. Payments are kept, as accounts are:
 * there are as many as people have made.
 */
import type { AccountEvent } from '../../domain/account/events.ts'
import type { PaymentData, PaymentEvent } from '../../domain/payment/events.ts'
import type { SubscriptionEvent } from '../../domain/subscription/events.ts'
import type { StoredEvent } from '../../ports/event-store.ts'
import { type CallsOptions, lifeSigns } from './calls.ts'
import { type Checker, type Place, placed, type Say } from './checker.ts'

/** How long a payment may be without its credit: two sweeps. */
const GRACE_MS = 60_000
const MILLION = 1_000_000n

type Received = PaymentData<'PaymentReceived'>
type Returned = PaymentData<'PaymentReturned'>

interface Organization {
  readonly received: Map<string, Received[]>
  /** By return. */
  readonly returned: Map<string, Returned[]>
  /** Granted less taken back, by payment. */
  readonly posted: Map<string, bigint>
  /** The last thing that may have changed what is to be posted. */
  last: (Place & { readonly at: string }) | undefined
}

const timeOf = ({ occurredAt, eventId }: { occurredAt: string; eventId: string }): string =>
  `${occurredAt} ${eventId}`
const byTime = (a: Parameters<typeof timeOf>[0], b: Parameters<typeof timeOf>[0]): number =>
  timeOf(a) < timeOf(b) ? -1 : 1

export function paymentsChecker(say: Say, options: Omit<CallsOptions, 'callLimitMs'>): Checker {
  const organizations = new Map<string, Organization>()
  const messages = new Set<string>()
  const alive = lifeSigns(options.workersSince)

  function organizationOf(event: StoredEvent): Organization {
    const id = event.stream.slice(event.stream.indexOf('-') + 1)
    const known = organizations.get(id)
    if (known) return known
    const none = { received: new Map(), returned: new Map(), posted: new Map(), last: undefined }
    organizations.set(id, none)
    return none
  }

  function once(event: StoredEvent, what: string, source: Parameters<typeof timeOf>[0]): void {
    const message = `${event.stream} ${what} ${timeOf(source)}`
    if (messages.has(message))
      say('W1', event, `the message ${source.eventId} about ${what} was taken twice`)
    messages.add(message)
  }

  function readPayment(event: StoredEvent): void {
    const { type, data } = placed<PaymentEvent>(event)
    if (type !== 'PaymentReceived' && type !== 'PaymentReturned') return
    const one = organizationOf(event)
    const { paymentId } = data
    one.last = { position: event.position, stream: event.stream, at: data.at }
    if (type === 'PaymentReceived') {
      once(event, paymentId, data)
      one.received.set(paymentId, [...(one.received.get(paymentId) ?? []), data])
    } else {
      once(event, data.returnId, data)
      const { returnId } = data
      one.returned.set(returnId, [...(one.returned.get(returnId) ?? []), data])
    }
  }

  function readSubscription(event: StoredEvent): void {
    const { type, data } = placed<SubscriptionEvent>(event)
    // What we decide or wish ourselves is no message.
    if (!('occurredAt' in data) || data.subscriptionId.startsWith('manual:')) return
    // Where the end is the first that is heard, its message also says that there was a beginning.
    once(
      event,
      `${type === 'SubscriptionStarted' ? 'the start of ' : ''}${data.subscriptionId}`,
      data,
    )
  }

  function readAccount(event: StoredEvent): void {
    const { type, data } = placed<AccountEvent>(event)
    if (type !== 'CreditGranted' && type !== 'CreditRevoked') return
    const { source, sourceId } = data
    if (source !== 'provider' || sourceId === undefined) return
    const { posted } = organizationOf(event)
    const by =
      type === 'CreditGranted'
        ? BigInt(data.amountNanos)
        : -BigInt(data.amountNanos) - BigInt(data.expiredBeforeNanos)
    posted.set(sourceId, (posted.get(sourceId) ?? 0n) + by)
  }

  function compare(one: Organization, now: number): void {
    const { last, posted } = one
    const settled =
      options.quiet === true || now - Math.max(timeOfPlace(last), alive.since()) > GRACE_MS
    if (!last || !settled) return
    const due = creditDue(one)
    for (const paymentId of new Set([...due.keys(), ...posted.keys()])) {
      const [is, should] = [posted.get(paymentId) ?? 0n, due.get(paymentId) ?? 0n]
      if (is !== should)
        say(
          'W2',
          last,
          `the account has ${is} nano-USD for ${paymentId}, which stands for ${should}`,
        )
    }
  }

  return {
    read(event) {
      alive.saw(Date.parse(event.metadata.recordedAt))
      if (event.stream.startsWith('payment-')) readPayment(event)
      else if (event.stream.startsWith('subscription-')) readSubscription(event)
      else if (event.stream.startsWith('account-')) readAccount(event)
    },
    end() {
      const now = options.now?.getTime() ?? alive.last()
      for (const one of organizations.values()) compare(one, now)
    },
  }
}

const timeOfPlace = (place: Organization['last']): number =>
  place ? Date.parse(place.at) : Number.NEGATIVE_INFINITY

/** By payment. */
function creditDue({ received, ...one }: Organization): Map<string, bigint> {
  const returned = Map.groupBy(
    [...one.returned.values()].map((said) => said.toSorted(byTime).at(-1) as Returned),
    ({ paymentId }) => paymentId,
  )
  const payments = [...received].map(([paymentId, said]) => {
    const sorted = said.toSorted(byTime)
    return { paymentId, stands: timeOf(sorted[0] as Received), is: sorted.at(-1) as Received }
  })
  const groups = Map.groupBy(payments, ({ paymentId, is }) =>
    is.purpose === 'trial'
      ? 'a trial'
      : is.purpose === 'period' && is.subscriptionId !== undefined && is.periodEnd !== undefined
        ? `${is.subscriptionId}|${is.periodEnd}`
        : paymentId,
  )
  /** By the last of these payments: its unused time, where a change of plan has brought it into the next. */
  const broughtIn = (earlier: typeof payments): bigint => {
    const last = earlier.toSorted((a, b) => (a.stands < b.stands ? -1 : 1)).at(-1)
    return last ? unusedOf(returned.get(last.paymentId) ?? []) : 0n
  }
  const due = new Map<string, bigint>()
  for (const group of groups.values()) {
    for (const { paymentId, stands, is } of group) {
      const earlier = group.filter((other) => other.stands < stands)
      const money = moneyOf(is, broughtIn(earlier), returned.get(paymentId) ?? [])
      const before = earlier.filter(({ paymentId: of, is: paid, stands: since }) => {
        const intoIt = broughtIn(group.filter((other) => other.stands < since))
        const { paid: all, back } = moneyOf(paid, intoIt, returned.get(of) ?? [])
        return all === 0n || back < all
      })
      const most = before.reduce((max, other) => {
        const full = BigInt(other.is.creditNanos)
        return full > max ? full : max
      }, 0n)
      const full = BigInt(is.creditNanos)
      const share = (nanos: bigint) => (nanos * BigInt(is.shareMillionths ?? MILLION)) / MILLION
      const earned = share(full > most ? full - most : 0n)
      const next = payments
        .filter((other) => other.is.subscriptionId === is.subscriptionId && other.stands > stands)
        .filter((other) => other.is.purpose === 'period')
        .toSorted((a, b) => (a.stands < b.stands ? -1 : 1))[0]
      const unused =
        next && is.purpose === 'period' && beginsWithin(next.is, is) ? money.unused : 0n
      const { whole, paid, back } = money
      const left = earned * (paid - back) * whole - share(full) * unused * paid
      due.set(paymentId, paid === 0n ? earned : left > 0n ? left / (paid * whole) : 0n)
    }
  }
  return due
}

/** The time of another period begins before the end of this one's. */
const beginsWithin = (next: Received, { periodStart = '', periodEnd = '' }: Received): boolean =>
  next.periodEnd !== periodEnd &&
  (next.periodStart ?? '') >= periodStart &&
  (next.periodStart ?? '') < periodEnd

/** The whole, what was paid of it, back, and paid into another plan: without tax, each times the total. */
function moneyOf({ totalMinor, taxMinor }: Received, broughtIn: bigint, said: readonly Returned[]) {
  const [total, tax] = [BigInt(totalMinor), BigInt(taxMinor)]
  const net = total > tax ? total - tax : total
  const withoutTax = (one: Returned): bigint => {
    if (one.taxMinor === undefined) return BigInt(one.totalMinor) * net
    const left = BigInt(one.totalMinor) - BigInt(one.taxMinor)
    return left > 0n ? left * total : 0n
  }
  const whole = total * net
  const paid = broughtIn < total ? (total - broughtIn) * net : whole
  const unused = unusedOf(said) * net
  return { whole, paid, back: standing(said, withoutTax), unused }
}

const unusedOf = (said: readonly Returned[]): bigint =>
  standing(said, (one) => BigInt(one.exchangedMinor ?? '0'))

/** What of these amounts is not undone. */
function standing(said: readonly Returned[], amount: (one: Returned) => bigint): bigint {
  let all = 0n
  for (const ofKind of Map.groupBy(said, ({ kind }) => kind).values()) {
    const sum = (wanted: (one: Returned) => boolean) =>
      ofKind.filter(wanted).reduce((some, one) => some + amount(one), 0n)
    const approved = sum((one) => !one.undoes && one.status === 'approved')
    const reversed = sum((one) => !one.undoes && one.status === 'reversed')
    const undone = sum((one) => one.undoes === true && one.status === 'approved')
    // An undoing whose return says `reversed` itself is the same news again.
    const stillToUndo = undone > reversed ? undone - reversed : 0n
    all += approved > stillToUndo ? approved - stillToUndo : 0n
  }
  return all
}
