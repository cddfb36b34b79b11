/**
 * Whatever time and verified addresses bring: calendar periods with their included credit, trial credit,
 * the end of lots whose day has come. Each grant's id follows from person or period: at most once each,
 * however often this runs.
 */
import { expireCredit } from '../commands/account/expire-credit.ts'
import { systemRoot } from '../commands/context.ts'
import type { Deps } from '../commands/deps.ts'
import { startPeriod } from '../commands/subscription/start-period.ts'
import { claimRoot } from '../commands/user/finish-claim.ts'
import { provisionPersonal } from '../commands/user/provision-personal.ts'
import { parseStreamName } from '../domain/decider.ts'
import { user } from '../domain/user/user.ts'
import { accountsWithExpired } from '../projections/expiring-credit.ts'
import { periodsDue } from '../projections/subscriptions.ts'
import { verifiedWithoutTrial } from '../projections/untried-people.ts'
import { takeUp } from './take-up.ts'
import type { Sweep, Worker } from './worker.ts'

const PERIODS = 'start-periods'
const TRIALS = 'grant-trials'
const EXPIRY = 'expire-credit'

/** A plan that was taken begins its first period at once. */
export const startPeriods = (deps: Deps): Worker => ({
  name: PERIODS,
  concurrency: 4,
  on: {
    SubscriptionStarted: ({ id, stream }) => ({
      id,
      payload: { orgId: parseStreamName(stream).id },
    }),
  },
  handle: ({ orgId }: { orgId: string }) => start(deps, orgId),
})

async function start(deps: Deps, orgId: string): Promise<void> {
  const at = deps.clock.now().toISOString()
  await startPeriod(deps, systemRoot(deps.ids, PERIODS, { id: `${orgId}/${at}`, orgId }, at), orgId)
}

export const startPeriodsSweep = (deps: Deps): Sweep => ({
  name: PERIODS,
  run: (signal) =>
    takeUp(deps, PERIODS, periodsDue(deps.views, deps.clock.now().toISOString()), signal, (orgId) =>
      start(deps, orgId),
    ),
})

export const grantTrials = (deps: Deps): Worker => ({
  name: TRIALS,
  concurrency: 4,
  on: {
    EmailVerified: ({ id, data }) => ({ id, payload: { userId: String(data['userId']) } }),
  },
  handle: async ({ userId }: { userId: string }) => {
    await provision(deps, userId)
  },
})

async function provision(deps: Deps, userId: string): Promise<boolean> {
  const { state: person } = await deps.streams.load(user, userId)
  if (!person) return false
  const position = await provisionPersonal(deps, claimRoot(deps, person.claimId), person)
  return position !== undefined
}

const DAY_MS = 24 * 60 * 60_000
const HOUR_MS = 60 * 60_000

/**
 * At a start the addresses verified within a week, later those of the last hour: people whose plan gives
 * no trial stay in the view, and looking at all of them every time would never end.
 */
export function grantTrialsSweep(deps: Deps): Sweep {
  let backMs = 7 * DAY_MS
  return {
    name: TRIALS,
    async run(signal) {
      const from = new Date(deps.clock.now().getTime() - backMs).toISOString()
      const people = verifiedWithoutTrial(deps.views, from)
      const found = await takeUp(deps, TRIALS, people, signal, (userId) => provision(deps, userId))
      if (!signal.aborted) backMs = HOUR_MS
      return found
    },
  }
}

export const expireCreditSweep = (deps: Deps): Sweep => ({
  name: EXPIRY,
  async run(signal) {
    const at = deps.clock.now().toISOString()
    const accounts = await accountsWithExpired(deps.views, at)
    return takeUp(deps, EXPIRY, accounts, signal, async (orgId) => {
      const root = systemRoot(deps.ids, EXPIRY, { id: `${orgId}/${at}`, orgId }, at)
      const { position } = await expireCredit(deps, root, orgId)
      return position !== undefined
    })
  },
})
