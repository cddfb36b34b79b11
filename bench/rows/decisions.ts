/** One decision with its reservation, in memory: with the platform's policies, and with a thousand more. */
import { createSystemClock } from '../../src/adapters/system-clock.ts'
import { reservationsOf, reserve } from '../../src/commands/admission/limiter.ts'
import { idFromUuid } from '../../src/domain/ids.ts'
import { type PolicyBook, policyBook } from '../../src/domain/policy/book.ts'
import { decide } from '../../src/domain/policy/decide.ts'
import type { Policy, Subject } from '../../src/domain/policy/decision.ts'
import { defaultPolicies } from '../../src/domain/policy/defaults.ts'
import { createCounters } from '../../src/engines/embedded/counters.ts'
import { type Bench, inTurns, rowOf, type Sample, type Settings } from '../harness.ts'

const POLICIES = 1_000
const PLENTY = 1_000_000_000
/** Between two looks at the clock. */
const BATCH = 500

const idOf = (noun: 'agent' | 'policy' | 'organization' | 'user', n: number) =>
  idFromUuid(noun, n.toString(16).padStart(32, '0'))

const ofPlatform: readonly Policy[] = defaultPolicies.map(({ policyId, terms }) => ({
  policyId,
  version: 1,
  // The same limits, but nobody reaches them.
  terms: terms.kind === 'rate_limit' ? { ...terms, limit: PLENTY } : terms,
}))

/** Each for an agent of its own: limits, rules and budgets in turn. */
const ofOrganization: readonly Policy[] = Array.from({ length: POLICIES }, (_one, n) => {
  const agents = [idOf('agent', n + 1)]
  const name = `Policy ${n}`
  const policy = { policyId: idOf('policy', n + 1), version: 1 }
  if (n % 3 === 0)
    return {
      ...policy,
      terms: { kind: 'resource_access', name, effect: 'deny', roles: ['auditor'], agents },
    }
  if (n % 3 === 1)
    return {
      ...policy,
      terms: {
        kind: 'budget',
        name,
        amountNanos: '1',
        period: 'day',
        per: 'agent',
        hard: true,
        agents,
      },
    }
  return {
    ...policy,
    terms: {
      kind: 'rate_limit',
      name,
      on: 'invoke',
      measure: 'requests',
      per: 'agent',
      limit: PLENTY,
      agents,
    },
  }
})

const subject: Subject = {
  action: 'invoke',
  resource: 'agent',
  act: 'invoke',
  orgId: idOf('organization', 1),
  userId: idOf('user', 1),
  role: 'member',
  ip: 'digest',
  // None of the thousand is about it.
  agentId: idOf('agent', POLICIES + 1),
  models: ['gpt-5-mini'],
  expectedTokens: 1_000,
}

function decisions(organization: PolicyBook) {
  const platform = policyBook(ofPlatform)
  const counters = createCounters(createSystemClock())
  return async (turnMs: number): Promise<Sample> => {
    const from = performance.now()
    const cpu = process.cpuUsage()
    let made = 0
    while (performance.now() - from < turnMs)
      for (let n = 0; n < BATCH; n++) {
        const decision = decide(subject, { platform, organization })
        if (decision.effect === 'deny') throw new Error('the bench is allowed everything')
        const lease = { holder: `call ${made % 8}`, ttlMs: 60_000 }
        await reserve(counters, reservationsOf(decision.limits, lease))
        made++
      }
    const { user, system } = process.cpuUsage(cpu)
    return { value: (made / (performance.now() - from)) * 1_000, cpuUs: (user + system) / made }
  }
}

async function run(settings: Settings) {
  const few = decisions(policyBook([]))
  const many = decisions(policyBook(ofOrganization))
  const compared = await inTurns(
    settings.rounds,
    () => many(settings.turnMs),
    () => few(settings.turnMs),
  )
  return [
    rowOf(
      {
        name: 'decisions',
        unit: 'decisions/s',
        besideName: "the platform's policies alone",
        target: { of: 'ratio', least: 0.9 },
        notes:
          `decided and reserved in memory, ${POLICIES} policies of the organization; ` +
          `${(compared.ours.cpuUs ?? 0).toFixed(1)} µs of CPU each`,
      },
      compared,
    ),
  ]
}

export const decisionRows: readonly Bench[] = [
  {
    names: ['decisions'],
    title: 'one decision with all its limits, beside one with few policies',
    run,
  },
]
