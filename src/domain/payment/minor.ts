/** Money that people pay: whole minor units of its currency, and as a person reads it. */

/** `('9799', 'USD')` → `'97.99'`; `('500', 'JPY')` → `'500'`. */
export function decimalOfMinor(minor: string | bigint, currency: string): string {
  const amount = BigInt(minor)
  const digits = digitsOf(currency)
  if (digits === 0) return String(amount)
  const unit = 10n ** BigInt(digits)
  return `${amount / unit}.${String(amount % unit).padStart(digits, '0')}`
}

function digitsOf(currency: string): number {
  const options = { style: 'currency', currency } as const
  return new Intl.NumberFormat('en', options).resolvedOptions().maximumFractionDigits ?? 2
}
