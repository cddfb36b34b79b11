/**
 * Paddle's things as its API and its notifications show them, with every field that a reader may want and
 * made-up content. For the practice Paddle only; what we read of the real one is in ../shapes.ts.
 */
import { randomBytes } from 'node:crypto'

export interface Period {
  readonly starts_at: string
  readonly ends_at: string
}
export interface Cycle {
  readonly interval: 'day' | 'week' | 'month' | 'year'
  readonly frequency: number
}
/** A price of the practice account. Amounts are minor units. */
export interface PracticePrice {
  readonly id: string
  readonly amount: string
  readonly currency: string
  /** By currency. */
  readonly overrides?: Readonly<Record<string, string>>
  /** Absent: paid once. */
  readonly cycle?: Cycle
  readonly trialDays?: number
  readonly active?: boolean
}

export type Price = ReturnType<typeof priceOf>
export interface Item {
  readonly price: Price
  readonly quantity: number
  readonly proration: { readonly rate: string; readonly billing_period: Period } | null
}

export interface Transaction extends Record<string, unknown> {
  readonly id: string
  status: string
  origin: string
  customer_id: string | null
  address_id: string | null
  subscription_id: string | null
  invoice_id: string | null
  invoice_number: string | null
  currency_code: string
  billing_period: Period | null
  readonly custom_data: Readonly<Record<string, unknown>> | null
  checkout: { readonly url: string | null }
  readonly created_at: string
  updated_at: string
  billed_at: string | null
  readonly items: readonly Item[]
  details: Details
  payments: readonly unknown[]
}

export interface Subscription extends Record<string, unknown> {
  readonly id: string
  status: string
  readonly customer_id: string
  currency_code: string
  readonly created_at: string
  updated_at: string
  started_at: string
  first_billed_at: string | null
  next_billed_at: string | null
  paused_at: string | null
  canceled_at: string | null
  scheduled_change: { action: string; effective_at: string; resume_at: string | null } | null
  billing_cycle: Cycle
  current_billing_period: Period | null
  items: readonly unknown[]
  readonly custom_data: Readonly<Record<string, unknown>> | null
}

export interface Adjustment extends Record<string, unknown> {
  readonly id: string
  readonly action: string
  readonly transaction_id: string
  status: string
  updated_at: string
}

/** As ids of Paddle: prefix, then a time and something random; later ones sort later. */
export function idMaker(now: () => Date): (prefix: string) => string {
  let last = 0
  return (prefix) => {
    last = Math.max(last + 1, now().getTime() * 1_000)
    const time = last.toString(32).padStart(12, '0')
    return `${prefix}_01${time}${randomBytes(6).toString('hex')}`
  }
}

export const priceOf = (given: PracticePrice) => ({
  id: given.id,
  product_id: given.id.replace(/^pri_/, 'pro_'),
  name: given.id,
  description: 'practice',
  type: 'standard',
  status: given.active === false ? 'archived' : 'active',
  unit_price: { amount: given.amount, currency_code: given.currency },
  unit_price_overrides: Object.entries(given.overrides ?? {}).map(([currency_code, amount]) => ({
    country_codes: [],
    unit_price: { amount, currency_code },
  })),
  billing_cycle: given.cycle ?? null,
  trial_period:
    given.trialDays === undefined ? null : { interval: 'day', frequency: given.trialDays },
  tax_mode: 'external',
  quantity: { minimum: 1, maximum: 999 },
  custom_data: null,
  import_meta: null,
  created_at: '2026-01-01T00:00:00Z',
  updated_at: '2026-01-01T00:00:00Z',
})

interface Totals {
  readonly subtotal: bigint
  readonly tax: bigint
  readonly total: bigint
}
const MILLION = 1_000_000n

/** Of whole minor units; `share` of the price in millionths. The tax is rounded down. */
export function amountOf(
  { price, quantity }: Item,
  { taxMillionths, share = MILLION }: { taxMillionths: bigint; share?: bigint },
): Totals {
  const subtotal = (BigInt(price.unit_price.amount) * BigInt(quantity) * share) / MILLION
  const tax = (subtotal * taxMillionths) / MILLION
  return { subtotal, tax, total: subtotal + tax }
}

/** Of at most a million: exact, and without zeros at its end. */
const decimal = (millionths: bigint): string => String(Number(millionths) / Number(MILLION))

export type Details = ReturnType<typeof detailsOf>

/** `credit` of an earlier payment, tax included, pays for a part. */
export function detailsOf(
  items: readonly Item[],
  so: {
    readonly taxMillionths: bigint
    readonly currency: string
    readonly shares?: readonly bigint[]
    readonly credit?: bigint
    readonly id: (prefix: string) => string
    readonly settled?: boolean
  },
) {
  const amounts = items.map((item, at) =>
    amountOf(item, { taxMillionths: so.taxMillionths, share: so.shares?.[at] ?? MILLION }),
  )
  const sum = (of: keyof Totals) => amounts.reduce((all, one) => all + one[of], 0n)
  const subtotal = String(sum('subtotal'))
  const tax = String(sum('tax'))
  const due = sum('total') - (so.credit ?? 0n)
  const grand = due < 0n ? 0n : due
  const common = { subtotal, discount: '0', tax, total: String(sum('total')) }
  const totals = {
    ...common,
    credit: String(so.credit ?? 0n),
    credit_to_balance: String(due < 0n ? -due : 0n),
    balance: so.settled ? '0' : String(grand),
    grand_total: String(grand),
    grand_total_tax: tax,
    fee: so.settled ? '50' : null,
    earnings: so.settled ? String(grand > 50n ? grand - 50n : 0n) : null,
    currency_code: so.currency,
  }
  return {
    tax_rates_used: [{ tax_rate: decimal(so.taxMillionths), totals: common }],
    totals,
    adjusted_totals: totals,
    payout_totals: so.settled ? { ...totals, exchange_rate: '1.0', fee_rate: '0.05' } : null,
    adjusted_payout_totals: null,
    line_items: items.map(({ price, quantity, proration }, at) => {
      const own = amounts[at]
      const line = {
        subtotal: String(own?.subtotal ?? 0n),
        discount: '0',
        tax: String(own?.tax ?? 0n),
        total: String(own?.total ?? 0n),
      }
      return {
        id: so.id('txnitm'),
        price_id: price.id,
        quantity,
        proration,
        tax_rate: decimal(so.taxMillionths),
        unit_totals: line,
        totals: line,
        product: { id: price.product_id },
      }
    }),
  }
}

export const captured = (amount: string, at: string, method: string) => ({
  payment_attempt_id: method,
  payment_method_id: 'paymtd_practice',
  stored_payment_method_id: method,
  amount,
  status: 'captured',
  error_code: null,
  created_at: at,
  captured_at: at,
  method_details: { type: 'card', card: { type: 'visa', last4: '4242' } },
})
export const declined = (amount: string, at: string, method: string) => ({
  ...captured(amount, at, method),
  status: 'error',
  error_code: 'declined',
  captured_at: null,
})

export const subscriptionItem = (item: Item, at: string, next: string | null, status: string) => ({
  status,
  quantity: item.quantity,
  recurring: true,
  created_at: at,
  updated_at: at,
  previously_billed_at: at,
  next_billed_at: next,
  trial_dates: null,
  price: item.price,
  product: { id: item.price.product_id, name: item.price.name, status: 'active' },
})

export function addCycle(from: Date, { interval, frequency }: Cycle): Date {
  const to = new Date(from)
  if (interval === 'day') to.setUTCDate(to.getUTCDate() + frequency)
  if (interval === 'week') to.setUTCDate(to.getUTCDate() + 7 * frequency)
  const months = interval === 'month' ? frequency : interval === 'year' ? 12 * frequency : 0
  if (months === 0) return to
  const day = to.getUTCDate()
  to.setUTCDate(1)
  to.setUTCMonth(to.getUTCMonth() + months)
  const last = new Date(Date.UTC(to.getUTCFullYear(), to.getUTCMonth() + 1, 0)).getUTCDate()
  to.setUTCDate(Math.min(day, last))
  return to
}
