/**
 * Facts of a refusal as a person or a program is shown them, at every door alike.
 */
import { money } from '../domain/money.ts'
import type { Facts } from './messages.ts'

/**
 * Facts as HTTP shows them: snake_case, and amounts in units of the currency. The domain says
 * `neededNanos: '5000000'`, the answer `needed: { amount: '0.005000000', currency: 'USD' }`.
 */
export function publicFacts(facts: Facts): Record<string, unknown> {
  const shown: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(facts)) {
    if (value === undefined) continue
    const name = key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
    const isAmount =
      name.endsWith('_nanos') && (typeof value === 'string' || typeof value === 'bigint')
    if (isAmount) shown[name.slice(0, -'_nanos'.length)] = money(BigInt(value))
    else shown[name] = publicFact(value)
  }
  return shown
}

function publicFact(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString()
  if (Array.isArray(value)) return value.map(publicFact)
  return typeof value === 'object' && value !== null ? publicFacts(value as Facts) : value
}
