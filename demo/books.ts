/** Money and the ledger, as the demo shows them. */
import type { Client } from './client.ts'
import { table } from './screen.ts'

export interface Money {
  readonly amount: string
  readonly currency: string
}
interface Line {
  readonly kind: string
  readonly amount: Money
  readonly held: Money
  readonly balance_after: Money
  readonly reason?: string
  readonly model?: string
  readonly credit_kind?: string
}

export const usd = ({ amount, currency }: Money): string => `${amount} ${currency}`

/** Every line of the organization's ledger, oldest first. */
export async function ledger(client: Client): Promise<void> {
  const { items } = await client.call<{ items: Line[] }>(
    'GET /billing/ledger',
    { quiet: true },
    200,
    () => '',
  )
  table(
    ['what', 'amount', 'held', 'balance', 'why'],
    items
      .toReversed()
      .filter((line) => line.kind !== 'opened')
      .map((line) => [
        line.kind,
        line.amount.amount,
        line.held.amount,
        line.balance_after.amount,
        line.reason ?? line.model ?? line.credit_kind ?? '',
      ]),
  )
}
