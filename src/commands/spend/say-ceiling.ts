/** The spend ceilings in a line each, for whoever starts the server. */
import { nanosToShort } from '../../domain/money.ts'
import type { Deps } from '../deps.ts'
import { platformBudgets } from './ceiling.ts'

export async function sayCeilings({ streams }: Pick<Deps, 'streams'>): Promise<string[]> {
  const hard = (await platformBudgets(streams)).filter(({ terms }) => terms.hard)
  if (hard.length === 0) return ['spend ceiling: none; all calls together may cost any amount']
  return hard.map(
    ({ policyId, terms: { amountNanos, period } }) =>
      `spend ceiling: ${nanosToShort(BigInt(amountNanos))} USD a ${period} (UTC) for all calls together; ` +
      `another one: PATCH /admin/policies/${policyId}`,
  )
}
