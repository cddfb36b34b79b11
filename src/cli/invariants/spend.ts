/**
 * S1, S2: the ceiling of what providers may take. What processes have reserved, by their own words; and
 * what calls have cost in the end, by the accounts and the platform's policies alone.
 */
import type { AccountEvent } from '../../domain/account/events.ts'
import { defaultPolicies } from '../../domain/policy/defaults.ts'
import type { PolicyEvent, PolicyTerms } from '../../domain/policy/events.ts'
import type { SpendCeilingEvent } from '../../domain/spend-ceiling/events.ts'
import type { StoredEvent } from '../../ports/event-store.ts'
import { type Checker, placed, type Say } from './checker.ts'

export function spendChecker(say: Say): Checker {
  const reservations = reservationsOf(say)
  const costs = costsOf(say)
  return {
    read(event) {
      if (event.stream.startsWith('spendCeiling-')) reservations(event)
      else if (event.stream === 'policySet-platform') costs.policy(event)
      else if (event.stream.startsWith('account-')) costs.call(event)
    },
  }
}

function reservationsOf(say: Say): (event: StoredEvent) => void {
  const periods = new Map<string, { all: bigint; runs: Map<string, bigint> }>()
  return (event) => {
    const { type, data } = placed<SpendCeilingEvent>(event)
    if (type === 'SpendThresholdReached') return
    const { period, runId } = data
    const sums = periods.get(period) ?? { all: 0n, runs: new Map<string, bigint>() }
    periods.set(period, sums)
    const amount = type === 'SpendReserved' ? BigInt(data.amountNanos) : -BigInt(data.amountNanos)
    const own = (sums.runs.get(runId) ?? 0n) + amount
    sums.all += amount
    sums.runs.set(runId, own)
    if (own < 0n) say('S1', event, `${runId} returned more of ${period} than it had reserved`)
    if (type !== 'SpendReserved' || data.ceilingNanos === undefined) return
    if (sums.all > BigInt(data.ceilingNanos))
      say('S1', event, `${sums.all} nano-USD are reserved of a ceiling of ${data.ceilingNanos}`)
  }
}

/** No ceiling at all. */
const ANY = undefined
type Ceiling = bigint | typeof ANY

const least = (a: Ceiling, b: Ceiling): Ceiling => (a === ANY ? b : b === ANY ? a : a < b ? a : b)
/** The higher one; none is above all. */
const most = (a: Ceiling, b: Ceiling): Ceiling => (a === ANY || b === ANY ? ANY : a > b ? a : b)

function costsOf(say: Say) {
  const policies = new Map<string, PolicyTerms>(
    defaultPolicies.map(({ policyId, terms }) => [policyId, terms]),
  )
  /** The highest ceiling that was in force in a period, and what its calls have cost. */
  const highest = new Map<string, { ceiling: Ceiling }>()
  const spent = new Map<string, bigint>()
  const holds = new Map<string, { at: string; boundNanos: bigint }>()

  function inForce(length: number): Ceiling {
    let ceiling: Ceiling = ANY
    for (const terms of policies.values())
      if (terms.kind === 'budget' && terms.per === 'platform' && terms.hard)
        if ((terms.period === 'day' ? 10 : 7) === length)
          ceiling = least(ceiling, BigInt(terms.amountNanos))
    return ceiling
  }
  const periodsOf = (at: string) => [at.slice(0, 10), at.slice(0, 7)]
  function look(at: string): void {
    for (const period of periodsOf(at)) {
      const now = inForce(period.length)
      const before = highest.get(period)
      highest.set(period, { ceiling: before ? most(before.ceiling, now) : now })
    }
  }

  return {
    policy(event: StoredEvent): void {
      const { type, data } = placed<PolicyEvent>(event)
      // What was in force until now was so in this period, too.
      look(data.at)
      if (type === 'PolicyDisabled') policies.delete(data.policyId)
      else policies.set(data.policyId, data.terms)
      look(data.at)
    },
    call(event: StoredEvent): void {
      const { type, data } = placed<AccountEvent>(event)
      if (type === 'HoldPlaced') {
        if (data.practice || data.costBoundNanos === undefined) return
        look(data.at)
        const boundNanos = BigInt(data.costBoundNanos)
        holds.set(data.invocationId, { at: data.at, boundNanos })
        return
      }
      if (type !== 'HoldSettled' && type !== 'HoldReleased') return
      const hold = holds.get(data.invocationId)
      holds.delete(data.invocationId)
      if (!hold || type === 'HoldReleased') return
      // What a provider takes above the bound nobody can prevent.
      const cost = BigInt(data.costNanos)
      const counted = cost < hold.boundNanos ? cost : hold.boundNanos
      for (const period of periodsOf(hold.at)) {
        const sum = (spent.get(period) ?? 0n) + counted
        spent.set(period, sum)
        const { ceiling } = highest.get(period) ?? { ceiling: ANY }
        if (ceiling !== ANY && sum > ceiling)
          say(
            'S2',
            event,
            `calls of ${period} have cost ${sum} nano-USD, the ceiling was ${ceiling}`,
          )
      }
    },
  }
}
