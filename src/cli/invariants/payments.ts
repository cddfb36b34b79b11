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

interface Paid {
  readonly paymentId: string
  /** Its place in time. */
  readonly stands: string
  readonly is: Received
  /** Payments of one name share the credit of one period. */
  readonly group: string
}

const groupOf = (paymentId: string, { purpose, subscriptionId, periodEnd }: Received): string => {
  if (purpose === 'trial') return 'a trial'
  const isAlone = purpose !== 'period' || subscriptionId === undefined || periodEnd === undefined
  return isAlone ? paymentId : `${subscriptionId}|${periodEnd}`
}

/** By payment. */
function creditDue({ received, ...one }: Organization): Map<string, bigint> {
  const returned = Map.groupBy(
    [...one.returned.values()].map((said) => said.toSorted(byTime).at(-1) as Returned),
    ({ paymentId }) => paymentId,
  )
  const payments = [...received]
    .map(([paymentId, said]): Paid => {
      const sorted = said.toSorted(byTime)
      const is = sorted.at(-1) as Received
      const stands = timeOf(sorted[0] as Received)
      return { paymentId, stands, is, group: groupOf(paymentId, is) }
    })
    .toSorted((a, b) => (a.stands < b.stands ? -1 : 1))
  const due = new Map<string, bigint>()
  for (const group of Map.groupBy(payments, (paid) => paid.group).values()) {
    group.forEach((paid, index) => {
      const left = creditLeft(paid, { earlier: group.slice(0, index), payments, returned })
      due.set(paid.paymentId, left > 0n ? left : 0n)
      // What was paid into another period beyond its own credit, those before it had brought in.
      let owed = left < 0n ? -left : 0n
      for (const { paymentId } of group.slice(0, index).toReversed()) {
        const has = due.get(paymentId) ?? 0n
        due.set(paymentId, has > owed ? has - owed : 0n)
        owed = owed > has ? owed - has : 0n
      }
    })
  }
  return due
}

interface Around {
  /** Those of its group, oldest first. */
  readonly earlier: readonly Paid[]
  readonly payments: readonly Paid[]
  readonly returned: ReadonlyMap<string, readonly Returned[]>
}

/** What is left of a payment's credit; less than nothing: so much was paid on beyond it. */
function creditLeft(paid: Paid, { earlier, payments, returned }: Around): bigint {
  const moneyIn = (one: Paid): Money => {
    const last = payments.findLast(
      ({ group, stands }) => group === one.group && stands < one.stands,
    )
    const broughtIn = last ? unusedOf(returned.get(last.paymentId) ?? []) : 0n
    return moneyOf(one.is, broughtIn, returned.get(one.paymentId) ?? [])
  }
  /** In minor units: brought into the next payment, and gone back from this one as well. */
  const lostBy = (one: Paid | undefined): bigint => {
    const next = one && neighbor(payments, one, 1)
    if (!next || (next.group !== one.group && !beginsWithin(next.is, one.is))) return 0n
    const { net, whole, back, unused } = moneyIn(one)
    const over = back + lostBy(neighbor(payments, one, -1)) * net + unused - whole
    return over > 0n ? (over < unused ? over : unused) / net : 0n
  }
  /** Within a period the earlier payment's own credit goes instead. */
  const backOf = (one: Paid): bigint => {
    const { back, net } = moneyIn(one)
    const before = neighbor(payments, one, -1)
    return before && before.group !== one.group ? back + lostBy(before) * net : back
  }
  const countsBefore = earlier.filter((one) => {
    const { paid: all } = moneyIn(one)
    return all === 0n || backOf(one) < all || lostBy(one) > 0n
  })
  const most = countsBefore
    .map(({ is }) => BigInt(is.creditNanos))
    .reduce((max, full) => (full > max ? full : max), 0n)
  const full = BigInt(paid.is.creditNanos)
  const share = (nanos: bigint) => (nanos * BigInt(paid.is.shareMillionths ?? MILLION)) / MILLION
  const earned = share(full > most ? full - most : 0n)
  const money = moneyIn(paid)
  if (money.paid === 0n) return earned
  const back = backOf(paid)
  const kept = money.paid > back ? money.paid - back : 0n
  const next = neighbor(payments, paid, 1)
  const isExchanged = next && beginsWithin(next.is, paid.is)
  const unused = isExchanged ? money.unused - lostBy(paid) * money.net : 0n
  const left = earned * kept * money.whole - share(full) * unused * money.paid
  const unit = money.paid * money.whole
  return left >= 0n ? left / unit : -((unit - 1n - left) / unit)
}

/** The payment of the same subscription after it (1) or before it (-1). */
function neighbor(payments: readonly Paid[], { is, stands }: Paid, step: 1 | -1): Paid | undefined {
  if (is.purpose !== 'period' || is.subscriptionId === undefined) return undefined
  const same = payments.filter(
    (other) => other.is.purpose === 'period' && other.is.subscriptionId === is.subscriptionId,
  )
  return same[same.findIndex((other) => other.stands === stands) + step]
}

/** The time of another period begins before the end of this one's. */
const beginsWithin = (next: Received, { periodStart = '', periodEnd = '' }: Received): boolean =>
  next.periodEnd !== periodEnd &&
  (next.periodStart ?? '') >= periodStart &&
  (next.periodStart ?? '') < periodEnd

type Money = ReturnType<typeof moneyOf>

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
  return { net, whole, paid, back: standing(said, withoutTax), unused }
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
