/**
 * One period's ceiling of what the providers may take. What is reserved, less what came back, is never
 * above it. A process that crashes loses the rest of its part: less can be spent then, never more.
 */
import type { Decider } from '../decider.ts'
import { maxNanos, minNanos } from '../money.ts'
import type { Policy } from '../policy/decision.ts'
import type { Budget } from '../policy/events.ts'
import { Refusal } from '../refusal.ts'
import type { SpendCeilingEvent } from './events.ts'

/** What one process has of it. */
interface Part {
  readonly reservedNanos: bigint
  /** Of the last thing that it said. */
  readonly number: number
}

export interface SpendCeiling {
  /** All that was reserved, less what came back. */
  readonly reservedNanos: bigint
  readonly runs: ReadonlyMap<string, Part>
  /** The highest percent that was told, by policy and amount. */
  readonly told: ReadonlyMap<string, number>
}

interface Said {
  readonly period: string
  readonly runId: string
  readonly number: number
  readonly at: string
}

export type SpendCeilingCommand =
  | (Said & {
      readonly type: 'ReserveSpend'
      /** At least this, or nothing. */
      readonly neededNanos: bigint
      /** As much of this as is left. */
      readonly wantedNanos: bigint
      /** The platform's for this period. */
      readonly budgets: readonly Policy<Budget>[]
    })
  | (Said & { readonly type: 'ReturnSpend'; readonly amountNanos: bigint })

/** The lowest of the hard ones; undefined: nothing is refused. */
export const ceilingOf = (budgets: readonly Policy<Budget>[]): bigint | undefined =>
  budgets
    .filter(({ terms }) => terms.hard)
    .map(({ terms }) => BigInt(terms.amountNanos))
    .reduce<bigint | undefined>((least, one) => minNanos(least ?? one, one), undefined)

export const reservedBy = ({ runs }: SpendCeiling, runId: string): bigint =>
  runs.get(runId)?.reservedNanos ?? 0n

function decide(command: SpendCeilingCommand, state: SpendCeiling): readonly SpendCeilingEvent[] {
  const { period, runId, number, at } = command
  // The answer to it was lost: it stands.
  if (number <= (state.runs.get(runId)?.number ?? 0)) return []
  const said = { period, runId, number, at }
  if (command.type === 'ReturnSpend') {
    const { amountNanos } = command
    if (amountNanos <= 0n || amountNanos > reservedBy(state, runId))
      throw new Error('a process returns what it has reserved')
    return [{ type: 'SpendReturned', data: { ...said, amountNanos: amountNanos.toString() } }]
  }
  const { neededNanos, wantedNanos, budgets } = command
  const ceiling = ceilingOf(budgets)
  const asked = maxNanos(neededNanos, wantedNanos)
  const left = ceiling === undefined ? asked : ceiling - state.reservedNanos
  if (neededNanos > left) throw new Refusal('spend_ceiling_reached')
  const amountNanos = minNanos(asked, left)
  const reserved: SpendCeilingEvent = {
    type: 'SpendReserved',
    data: {
      ...said,
      amountNanos: amountNanos.toString(),
      ...(ceiling === undefined ? {} : { ceilingNanos: ceiling.toString() }),
    },
  }
  return [reserved, ...thresholds(evolve(state, reserved), budgets, said)]
}

const toldKey = (policyId: string, amountNanos: string): string => `${policyId} ${amountNanos}`

function thresholds(
  { reservedNanos, told }: SpendCeiling,
  budgets: readonly Policy<Budget>[],
  { period, at }: Said,
): readonly SpendCeilingEvent[] {
  return budgets.flatMap(({ policyId, version, terms }) => {
    const { amountNanos, hard, thresholds: percents = [] } = terms
    const before = told.get(toldKey(policyId, amountNanos)) ?? 0
    return percents
      .toSorted((a, b) => a - b)
      .filter(
        (percent) =>
          percent > before && reservedNanos * 100n >= BigInt(amountNanos) * BigInt(percent),
      )
      .map((percent): SpendCeilingEvent => {
        const sums = { percent, reservedNanos: reservedNanos.toString(), amountNanos, hard }
        return {
          type: 'SpendThresholdReached',
          data: { period, policyId, version, ...sums, at },
        }
      })
  })
}

function evolve(state: SpendCeiling, { type, data }: SpendCeilingEvent): SpendCeiling {
  if (type === 'SpendThresholdReached') {
    const told = new Map(state.told)
    return { ...state, told: told.set(toldKey(data.policyId, data.amountNanos), data.percent) }
  }
  const amount = type === 'SpendReserved' ? BigInt(data.amountNanos) : -BigInt(data.amountNanos)
  const runs = new Map(state.runs).set(data.runId, {
    reservedNanos: reservedBy(state, data.runId) + amount,
    number: data.number,
  })
  return { ...state, reservedNanos: state.reservedNanos + amount, runs }
}

export const spendCeiling: Decider<SpendCeiling, SpendCeilingCommand, SpendCeilingEvent> = {
  category: 'spendCeiling',
  initial: () => ({ reservedNanos: 0n, runs: new Map(), told: new Map() }),
  decide,
  evolve,
}
