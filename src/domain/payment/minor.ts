/** Money that people pay: whole minor units of its currency, and as a person reads it. */

/** `('9799', 'USD')` → `'97.99'`; `('500', 'JPY')` → `'500'`. */
export function decimalOfMinor(minor: string | bigint, currency: string): string {
  const amount = BigInt(minor)
  const digits = digitsOf(currency)
  if (digits === 0) return String(amount)
  const unit = 10n ** BigInt(digits)
  return `${amount / unit}.${String(amount % unit).padStart(digits, '0')}`
}

/**
 * By ISO 4217, as providers count: what a runtime's own tables say of a currency is how prices are
 * usually written (forints without their fillér), and changes with their version.
 */
const DIGITS: ReadonlyMap<string, number> = new Map([
  ...['BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'VND']
    .concat(['VUV', 'XAF', 'XOF', 'XPF'])
    .map((currency) => [currency, 0] as const),
  ...['BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND'].map((currency) => [currency, 3] as const),
])

const digitsOf = (currency: string): number => DIGITS.get(currency) ?? 2
