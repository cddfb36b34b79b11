/** The rows of the embedded engine and of the whole product on it. */
import type { Bench } from './harness.ts'
import { accountRows } from './rows/accounts.ts'
import { appendRows } from './rows/appends.ts'
import { commandRows } from './rows/commands.ts'
import { decisionRows } from './rows/decisions.ts'
import { loginRows } from './rows/logins.ts'
import { processRows } from './rows/process.ts'
import { projectionRows } from './rows/projections.ts'
import { streamRows } from './rows/streams.ts'
import { usageRows } from './rows/usage.ts'

export const benches: readonly Bench[] = [
  ...appendRows,
  ...accountRows,
  ...projectionRows,
  ...commandRows,
  ...decisionRows,
  ...streamRows,
  ...loginRows,
  ...processRows,
  ...usageRows,
]

export const conditions = async () => ({
  durability:
    'every append is synced to disk before it is answered (WAL, synchronous=FULL), grouped by turn of the event loop',
})
