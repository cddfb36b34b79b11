/** The rows of the distributed engine, each beside the bare client of the same server. */
import type { Bench } from './harness.ts'
import { counterRows } from './rows/distributed/counters.ts'
import { eventRows } from './rows/distributed/events.ts'
import { feedRows } from './rows/distributed/feed.ts'
import { accountRows } from './rows/distributed/accounts.ts'
import { jobRows } from './rows/distributed/jobs.ts'
import { viewRows } from './rows/distributed/views.ts'
import { conditionsOfServers } from './servers.ts'

export const benches: readonly Bench[] = [
  ...eventRows,
  ...accountRows,
  ...jobRows,
  ...viewRows,
  ...feedRows,
  ...counterRows,
]

export const conditions = conditionsOfServers
