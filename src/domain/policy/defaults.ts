/**
 * The policies that the platform begins with. They are no events: they are there, in version 1, before
 * anything was ever written, are listed like any other, and a change of one is version 2. Their ids are
 * fixed for ever. What version 1 says is never edited once released: past decisions name it.
 */
import { nanosFromDecimal } from '../money.ts'
import type { PolicyTerms, RateLimit } from './events.ts'

export interface BuiltInPolicy {
  readonly policyId: string
  readonly terms: PolicyTerms
}

const limit = (policyId: string, terms: Omit<RateLimit, 'kind'>): BuiltInPolicy => ({
  policyId,
  terms: { kind: 'rate_limit', ...terms },
})

const MINUTE = 60
const HOUR = 3_600

/** A key is often a whole program with many people behind it: more at once than one person. */
export const defaultPolicies: readonly BuiltInPolicy[] = [
  limit('pol_7atetaqhqwbnn90j3rbxa5qm89', {
    name: 'Sign-ins per network address',
    on: 'login',
    measure: 'requests',
    per: 'ip',
    limit: 10,
    windowSeconds: MINUTE,
  }),
  limit('pol_3fpnrypc3wa329q5twsjzhrh8b', {
    name: 'Sign-ins per e-mail address',
    on: 'login',
    measure: 'requests',
    per: 'address',
    limit: 5,
    windowSeconds: MINUTE,
  }),
  limit('pol_6ndczf1ye5a10t38ejd74k3bzx', {
    name: 'Registrations per network address',
    on: 'registration',
    measure: 'requests',
    per: 'ip',
    limit: 5,
    windowSeconds: HOUR,
  }),
  limit('pol_0q4s9y5p0kbwgbbpc0gc2dqa8r', {
    name: 'Password resets per e-mail address',
    on: 'password_reset',
    measure: 'requests',
    per: 'address',
    limit: 3,
    windowSeconds: HOUR,
  }),
  limit('pol_3ss610xd0qb0q9q98adktdz70x', {
    name: 'Calls per person',
    on: 'invoke',
    measure: 'requests',
    per: 'user',
    limit: 60,
    windowSeconds: MINUTE,
  }),
  limit('pol_4qsfysg47aa679k3t96wagdqqb', {
    name: 'Calls at once per person',
    on: 'invoke',
    measure: 'concurrency',
    per: 'user',
    limit: 4,
  }),
  limit('pol_04a3x9ncrxavrryazy05st1xm7', {
    name: 'Calls per API key',
    on: 'invoke',
    measure: 'requests',
    per: 'key',
    limit: 600,
    windowSeconds: MINUTE,
  }),
  limit('pol_3m61t30hqaas1a10yz0dyv7j1j', {
    name: 'Calls at once per API key',
    on: 'invoke',
    measure: 'concurrency',
    per: 'key',
    limit: 32,
  }),
  limit('pol_5b9g327tmsabmsf5hg5yqwts5x', {
    name: 'Requests per person',
    on: 'request',
    measure: 'requests',
    per: 'user',
    limit: 600,
    windowSeconds: MINUTE,
  }),
  limit('pol_07hr5f8crna46reaj01tk275mc', {
    name: 'Requests per API key',
    on: 'request',
    measure: 'requests',
    per: 'key',
    limit: 600,
    windowSeconds: MINUTE,
  }),
  limit('pol_16zvaf6v98brdv6h5mpgen1bkp', {
    // Many people share one address: an office, a mobile network.
    name: 'Requests per network address',
    on: 'request',
    measure: 'requests',
    per: 'ip',
    limit: 3_000,
    windowSeconds: MINUTE,
  }),
  limit('pol_4q22k669tnb1s9bp4keyt375bz', {
    name: 'Webhooks per network address',
    on: 'webhook',
    measure: 'requests',
    per: 'ip',
    limit: 3_000,
    windowSeconds: MINUTE,
  }),
  {
    policyId: 'pol_6hsd88vdmwajwv7ajj38dybeaf',
    terms: {
      kind: 'budget',
      name: 'Spend ceiling',
      amountNanos: nanosFromDecimal('25').toString(),
      period: 'day',
      per: 'platform',
      hard: true,
      thresholds: [50, 80, 100],
    },
  },
]

export const SPEND_CEILING = 'pol_6hsd88vdmwajwv7ajj38dybeaf'
