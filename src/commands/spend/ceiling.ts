/**
 * The ceiling of what providers may take from the seller, kept by every process: each call's upper bound
 * of cost is taken from a part of the ceiling that the process has reserved in the log (spendCeiling-…),
 * so that most calls write nothing. What a call did not need comes back to the process, what the process
 * does not need goes back to the log. Whatever is in doubt counts as spent.
 */
import { spendCeiling, ceilingOf, reservedBy } from '../../domain/spend-ceiling/spend-ceiling.ts'
import type { SpendCeilingEvent } from '../../domain/spend-ceiling/events.ts'
import { maxNanos, minNanos } from '../../domain/money.ts'
import type { Policy } from '../../domain/policy/decision.ts'
import type { Budget } from '../../domain/policy/events.ts'
import { bookOf, policySet } from '../../domain/policy/policy-set.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Ids } from '../../ports/ids.ts'
import type { Logger } from '../../ports/logger.ts'
import { systemRoot, unkeyedStep } from '../context.ts'
import type { Streams } from '../streams.ts'

/**
 * A process reserves a small part of the ceiling at first, twice as much each time it needs more, or what
 * a dearer call needs: one that crashes again and again must not use the ceiling up with what it loses.
 */
const FIRST_PART = 1_000n
const LARGEST_PART = 50n

/** What one call may cost, taken from the ceiling until it has ended. */
export interface SpendShare {
  /** What it has cost in the end; the whole share where nobody knows. The first word counts. */
  end(costNanos?: bigint): void
}

export interface Spend {
  /**
   * @param call `at`: the time of its hold; a call counts in the day and month of it
   * @throws Refusal spend_ceiling_reached
   */
  reserve(call: { readonly at: string; readonly costNanos: bigint }): Promise<SpendShare>
  /** Gives back what no call needs. Never rejects. */
  stop(): Promise<void>
}

export interface SpendDeps {
  readonly streams: Pick<Streams, 'load' | 'transact'>
  readonly ids: Ids
  readonly clock: Clock
  readonly logger: Logger
}
export interface SpendOptions {
  readonly runId: string
  /** Made-up answers cost the seller nothing. */
  readonly practice: boolean
}

const lengths = { day: 10, month: 7 } as const
const NO_SHARE: SpendShare = { end: () => undefined }

export const spendPeriodOf = (period: Budget['period'], at: string): string =>
  at.slice(0, lengths[period])

/** What the platform's policies say of all its spending, now. */
export async function platformBudgets(
  streams: Pick<Streams, 'load'>,
): Promise<readonly Policy<Budget>[]> {
  const { state } = await streams.load(policySet('platform'), 'platform')
  return bookOf(state).budgets.all.filter(({ terms }) => terms.per === 'platform')
}

export function createSpend(deps: SpendDeps, { runId, practice }: SpendOptions): Spend {
  const purses = new Map<string, Purse>()

  function purseOf(period: string): Purse {
    const known = purses.get(period)
    if (known) return known
    for (const [other, purse] of purses)
      if (other.length === period.length && purse.isIdle()) {
        purses.delete(other)
        void purse.empty()
      }
    const made = new Purse(deps, runId, period)
    purses.set(period, made)
    return made
  }

  return {
    async reserve({ at, costNanos }) {
      if (practice || costNanos === 0n) return NO_SHARE
      const budgets = await platformBudgets(deps.streams)
      const shares: SpendShare[] = []
      const end = (cost?: bigint) => shares.forEach((share) => share.end(cost))
      try {
        for (const period of ['day', 'month'] as const) {
          const bound = budgets.filter(({ terms }) => terms.period === period)
          if (bound.length > 0)
            shares.push(await purseOf(spendPeriodOf(period, at)).take(costNanos, bound))
        }
      } catch (error) {
        end(0n)
        throw error
      }
      return { end }
    },
    async stop() {
      await Promise.all([...purses.values()].map((purse) => purse.empty()))
    },
  }
}

/** What this process may let its calls cost in one period. */
class Purse {
  readonly #deps: SpendDeps
  readonly #runId: string
  readonly #period: string
  /** As the log has it. */
  #reserved = 0n
  /** Calls that run, ended calls, and what is on its way back to the log. */
  #held = 0n
  #spent = 0n
  #returning = 0n
  #number = 0
  /** What is left was reserved under this ceiling. */
  #ceiling: bigint | undefined
  #part = 0n
  #waiting = 0
  #turn: Promise<unknown> = Promise.resolve()

  constructor(deps: SpendDeps, runId: string, period: string) {
    this.#deps = deps
    this.#runId = runId
    this.#period = period
  }

  isIdle(): boolean {
    return this.#held === 0n && this.#waiting === 0
  }

  #left(): bigint {
    return this.#reserved - this.#held - this.#spent - this.#returning
  }

  async take(cost: bigint, budgets: readonly Policy<Budget>[]): Promise<SpendShare> {
    const ceiling = ceilingOf(budgets)
    if (this.#waiting === 0 && ceiling === this.#ceiling && this.#left() >= cost)
      return this.#share(cost)
    return this.#inTurn(async () => {
      // A ceiling that was lowered binds also what is at hand.
      if (isLower(ceiling, this.#ceiling)) await this.#giveBack(0n)
      if (this.#left() < cost) await this.#ask(cost, budgets)
      this.#ceiling = ceiling
      return this.#share(cost)
    })
  }

  /** Gives everything back. Never rejects. */
  empty(): Promise<void> {
    return this.#inTurn(() => this.#giveBack(0n)).catch((error: unknown) =>
      this.#deps.logger.warn({ period: this.#period, error }, 'reserved spend not returned'),
    )
  }

  #share(cost: bigint): SpendShare {
    this.#held += cost
    let over = false
    return {
      end: (spent = cost) => {
        if (over) return
        over = true
        this.#held -= cost
        this.#spent += spent
        this.#returnSurplus()
      },
    }
  }

  /** A burst of calls has reserved what other processes now need. */
  #returnSurplus(): void {
    if (this.#waiting > 0 || this.#part === 0n || this.#left() <= 2n * this.#part) return
    this.#inTurn(() => this.#giveBack(this.#part)).catch((error: unknown) =>
      this.#deps.logger.warn({ period: this.#period, error }, 'reserved spend not returned'),
    )
  }

  /** One at a time: two that find too little must not both ask for more. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    this.#waiting++
    const done = this.#turn.then(work).finally(() => void this.#waiting--)
    this.#turn = done.catch(() => undefined)
    return done
  }

  async #ask(cost: bigint, budgets: readonly Policy<Budget>[]): Promise<void> {
    const least = budgets.map(({ terms }) => BigInt(terms.amountNanos)).reduce(minNanos)
    const next = maxNanos(this.#part * 2n, least / FIRST_PART)
    this.#part = maxNanos(minNanos(next, least / LARGEST_PART), 1n)
    try {
      const events = await this.#say({
        type: 'ReserveSpend',
        neededNanos: cost - this.#left(),
        wantedNanos: this.#part,
        budgets,
      })
      this.#tell(events)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      throw new Refusal(error.code, { retryAfterSeconds: this.#secondsLeft() })
    }
  }

  #tell(events: readonly SpendCeilingEvent[]): void {
    for (const { type, data } of events)
      if (type === 'SpendThresholdReached')
        this.#deps.logger.warn(
          { period: data.period, percent: data.percent, policyId: data.policyId },
          'the spending of the platform has reached a threshold',
        )
  }

  async #giveBack(keep: bigint): Promise<void> {
    const amountNanos = this.#left() - keep
    if (amountNanos <= 0n) return
    this.#returning += amountNanos
    try {
      await this.#say({ type: 'ReturnSpend', amountNanos })
    } catch (error) {
      // It may stand in the log all the same.
      this.#reserved -= amountNanos
      throw error
    } finally {
      this.#returning -= amountNanos
    }
  }

  async #say(
    what:
      | {
          type: 'ReserveSpend'
          neededNanos: bigint
          wantedNanos: bigint
          budgets: readonly Policy<Budget>[]
        }
      | { type: 'ReturnSpend'; amountNanos: bigint },
  ): Promise<readonly SpendCeilingEvent[]> {
    const { streams, ids, clock } = this.#deps
    const at = clock.now().toISOString()
    const number = ++this.#number
    const cause = { id: ids.derive(this.#runId, `spend/${this.#period}`) }
    const root = systemRoot(ids, 'spend', cause, at)
    const { state, events } = await streams.transact(
      spendCeiling,
      this.#period,
      { ...what, period: this.#period, runId: this.#runId, number, at },
      unkeyedStep(ids, root, String(number)),
    )
    this.#reserved = reservedBy(state, this.#runId)
    return events
  }

  #secondsLeft(): number {
    const [year = 0, month = 1, day] = this.#period.split('-').map(Number)
    const end = day === undefined ? Date.UTC(year, month, 1) : Date.UTC(year, month - 1, day + 1)
    return Math.max(1, Math.ceil((end - this.#deps.clock.now().getTime()) / 1_000))
  }
}

/** `undefined` is no ceiling at all. */
const isLower = (now: bigint | undefined, before: bigint | undefined): boolean =>
  now !== undefined && (before === undefined || now < before)
