/**
 * One pass over the log through every checker. Memory follows what exists (accounts, people, ids of
 * calls, open calls), not the length of the log; of the violations the first are kept and all counted.
 */
import { type EventDefinitions, upcast } from '../../domain/event.ts'
import type { EventStore, Position, StoredEvent } from '../../ports/event-store.ts'
import { BEFORE_ALL } from '../../ports/event-store.ts'
import { accountsChecker, type Tally } from './accounts.ts'
import { budgetsChecker } from './budgets.ts'
import { callsChecker, type CallsOptions } from './calls.ts'
import type { Invariant, Say, Violation } from './checker.ts'
import { orderChecker } from './order.ts'
import { addressesChecker, ownersChecker, sessionsChecker } from './people.ts'
import { paymentsChecker } from './payments.ts'
import { pricesChecker } from './prices.ts'
import { secrecyChecker } from './secrecy.ts'
import { spendChecker } from './spend.ts'
import { telegramChecker } from './telegram.ts'

const PAGE = 1_000
const KEPT = 1_000

export interface LogOptions extends CallsOptions {
  readonly catalogue: EventDefinitions
  /** Texts that were given to the server and must be nowhere in clear. */
  readonly mustNotAppear?: readonly string[]
}

export interface LogReport {
  readonly events: number
  readonly position: Position
  /** The first thousand. */
  readonly violations: readonly Violation[]
  readonly counts: ReadonlyMap<Invariant, number>
  /** What each account has by sums, with the revision of its stream. */
  readonly tallies: ReadonlyMap<string, Tally>
}

export function createLogCheck(options: LogOptions): {
  read(event: StoredEvent): void
  end(): LogReport
} {
  const violations: Violation[] = []
  const counts = new Map<Invariant, number>()
  let events = 0
  let last: Position = BEFORE_ALL
  const say: Say = (invariant, { position, stream }, sentence) => {
    counts.set(invariant, (counts.get(invariant) ?? 0) + 1)
    if (violations.length < KEPT) violations.push({ invariant, position, where: stream, sentence })
  }
  const accounts = accountsChecker(say)
  const raw = [orderChecker(say), secrecyChecker(say, options.catalogue, options.mustNotAppear)]
  const current = [
    accounts,
    budgetsChecker(say),
    spendChecker(say),
    pricesChecker(say),
    callsChecker(say, options),
    paymentsChecker(say, options),
    addressesChecker(say),
    telegramChecker(say),
    sessionsChecker(say),
    ownersChecker(say),
  ]
  return {
    read(event) {
      events++
      last = event.position
      for (const checker of raw) checker.read(event)
      const definition = options.catalogue[event.type]
      if (!definition) return
      const data = upcast(definition, event.metadata.v, event.data)
      const today = data === event.data ? event : { ...event, data }
      for (const checker of current) checker.read(today)
    },
    end() {
      for (const checker of [...raw, ...current]) checker.end?.()
      return { events, position: last, violations, counts, tallies: accounts.tallies() }
    },
  }
}

export async function checkLog(
  log: Pick<EventStore, 'readAll' | 'head'>,
  options: LogOptions,
  onProgress?: (done: Position, head: Position) => void,
): Promise<LogReport> {
  const check = createLogCheck(options)
  const head = await log.head()
  for (let after: Position = BEFORE_ALL; ;) {
    const page = await log.readAll({ after, limit: PAGE })
    for (const event of page) check.read(event)
    after = page.at(-1)?.position ?? after
    onProgress?.(after, head)
    // What is written meanwhile is the next check's.
    if (page.length < PAGE || after >= head) return check.end()
  }
}
