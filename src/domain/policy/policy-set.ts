/**
 * All policies of one owner, the platform or an organization: one stream, so that what binds is decided
 * together and read at once. Disabled ones stay, with their versions. A decision asks `bookOf`, which is
 * put in order once for each state, not for each request.
 */
import { PersistentMap } from '../account/persistent-map.ts'
import type { Decider } from '../decider.ts'
import { Refusal } from '../refusal.ts'
import { same } from '../same.ts'
import { type PolicyBook, policyBook } from './book.ts'
import { defaultPolicies } from './defaults.ts'
import { type PolicyEvent, type PolicyOwner, type PolicyTerms } from './events.ts'
import { assertTerms, termsFrom } from './terms.ts'

/** Of one owner; so many may bind, so many may ever have been made, and name so many agents and models. */
export const MAX_ENABLED = 1_000
export const MAX_EVER = 10_000
export const MAX_NAMES = 20_000

export interface PolicyRecord {
  readonly policyId: string
  readonly owner: PolicyOwner
  readonly version: number
  /** Of a disabled one the last that bound. */
  readonly terms: PolicyTerms
  readonly enabled: boolean
  /** Order of creation. */
  readonly number: number
  /** Absent for one that the platform began with. */
  readonly createdAt?: string
  readonly changedAt?: string
}

export interface PolicySet {
  readonly policies: PersistentMap<PolicyRecord>
  readonly enabled: number
  /** Agents and models that the enabled ones name. */
  readonly names: number
}

export type PolicyCommand =
  | {
      readonly type: 'CreatePolicy'
      readonly policyId: string
      readonly owner: PolicyOwner
      readonly terms: PolicyTerms
      readonly at: string
    }
  | {
      readonly type: 'ChangePolicy'
      readonly policyId: string
      /** Of the terms; null takes a field away. */
      readonly changes: Readonly<Record<string, unknown>>
      /** As it is where left out. */
      readonly enabled?: boolean
      /** Refuse unless this is the version. */
      readonly ifVersion?: number | undefined
      readonly at: string
    }
  | {
      readonly type: 'DisablePolicy'
      readonly policyId: string
      readonly ifVersion?: number | undefined
      readonly at: string
    }

/** In order of creation. */
export const policiesOf = (set: PolicySet): readonly PolicyRecord[] =>
  Array.from(set.policies, ([, policy]) => policy).sort((a, b) => a.number - b.number)

const books = new WeakMap<PolicySet, PolicyBook>()

/** What binds. States are never changed, so what was made of one stays right. */
export function bookOf(set: PolicySet): PolicyBook {
  let book = books.get(set)
  if (!book) {
    book = policyBook(policiesOf(set).filter(({ enabled }) => enabled))
    books.set(set, book)
  }
  return book
}

const namesIn = (terms: PolicyTerms): number =>
  (terms.agents?.length ?? 0) + ('models' in terms ? (terms.models?.length ?? 0) : 0)

function found(set: PolicySet, policyId: string, ifVersion: number | undefined): PolicyRecord {
  const policy = set.policies.get(policyId)
  if (!policy) throw new Refusal('policy_not_found')
  if (ifVersion !== undefined && ifVersion !== policy.version)
    throw new Refusal('precondition_failed', { revision: policy.version })
  return policy
}

/** @throws Refusal too_many_policies, where one more with these terms would bind */
function assertRoom(set: PolicySet, before: PolicyRecord | undefined, terms: PolicyTerms): void {
  const bound = before?.enabled ? before : undefined
  if (!before && set.policies.size >= MAX_EVER)
    throw new Refusal('too_many_policies', { limit: MAX_EVER, of: 'made' })
  if (!bound && set.enabled >= MAX_ENABLED)
    throw new Refusal('too_many_policies', { limit: MAX_ENABLED, of: 'enabled' })
  const names = set.names - (bound ? namesIn(bound.terms) : 0) + namesIn(terms)
  if (names > MAX_NAMES) throw new Refusal('too_many_policies', { limit: MAX_NAMES, of: 'names' })
}

function decide(command: PolicyCommand, set: PolicySet): readonly PolicyEvent[] {
  switch (command.type) {
    case 'CreatePolicy': {
      const { policyId, owner, terms, at } = command
      const known = set.policies.get(policyId)
      // The same wish again; its id is of this wish alone.
      if (known) return []
      assertTerms(owner, terms)
      assertRoom(set, undefined, terms)
      return [{ type: 'PolicyCreated', data: { policyId, owner, version: 1, terms, at } }]
    }
    case 'ChangePolicy':
      return changed(command, set)
    case 'DisablePolicy': {
      const policy = found(set, command.policyId, command.ifVersion)
      return policy.enabled ? [disabled(policy, policy.version + 1, command.at)] : []
    }
  }
}

const disabled = ({ policyId, owner }: PolicyRecord, version: number, at: string): PolicyEvent => ({
  type: 'PolicyDisabled',
  data: { policyId, owner, version, at },
})

function changed(
  { policyId, changes, enabled: wanted, ifVersion, at }: PolicyCommand & { type: 'ChangePolicy' },
  set: PolicySet,
): readonly PolicyEvent[] {
  const policy = found(set, policyId, ifVersion)
  const { owner, version } = policy
  const terms = mergedTerms(policy.terms, changes)
  const enabled = wanted ?? policy.enabled
  const news = !same(terms, policy.terms)
  if (!news && enabled === policy.enabled) return []
  if (!news && !enabled) return [disabled(policy, version + 1, at)]
  assertTerms(owner, terms)
  if (enabled) assertRoom(set, policy, terms)
  const next = { policyId, owner, version: version + 1, terms, at }
  const events: PolicyEvent[] = [{ type: 'PolicyChanged', data: next }]
  // A changed one binds; one that shall not is disabled in the same append.
  if (!enabled) events.push(disabled(policy, version + 2, at))
  return events
}

/** null takes a field away; the kind stays. */
export function mergedTerms(
  terms: PolicyTerms,
  changes: Readonly<Record<string, unknown>>,
): PolicyTerms {
  const merged = Object.entries({ ...terms, ...changes, kind: terms.kind })
  return termsFrom(Object.fromEntries(merged.filter(([, value]) => value !== null)))
}

function evolve(set: PolicySet, { type, data }: PolicyEvent): PolicySet {
  const { policyId, owner, version, at } = data
  const before = set.policies.get(policyId)
  switch (type) {
    case 'PolicyCreated': {
      const number = set.policies.size
      const { terms } = data
      return put(set, before, {
        policyId,
        owner,
        version,
        terms,
        enabled: true,
        number,
        createdAt: at,
        changedAt: at,
      })
    }
    case 'PolicyChanged':
      return before
        ? put(set, before, { ...before, version, terms: data.terms, enabled: true, changedAt: at })
        : set
    case 'PolicyDisabled':
      return before ? put(set, before, { ...before, version, enabled: false, changedAt: at }) : set
  }
}

function put(set: PolicySet, before: PolicyRecord | undefined, after: PolicyRecord): PolicySet {
  const bound = (policy: PolicyRecord | undefined) => (policy?.enabled ? 1 : 0)
  const named = (policy: PolicyRecord | undefined) => (policy?.enabled ? namesIn(policy.terms) : 0)
  return {
    policies: set.policies.set(after.policyId, after),
    enabled: set.enabled - bound(before) + bound(after),
    names: set.names - named(before) + named(after),
  }
}

const nothing: PolicySet = { policies: PersistentMap.empty(), enabled: 0, names: 0 }

const beginning: PolicySet = defaultPolicies.reduce(
  (set, { policyId, terms }, number) =>
    put(set, undefined, {
      policyId,
      owner: 'platform',
      version: 1,
      terms,
      enabled: true,
      number,
    }),
  nothing,
)

type PolicySetDecider = Decider<PolicySet, PolicyCommand, PolicyEvent>
const platformPolicies: PolicySetDecider = {
  category: 'policySet',
  initial: () => beginning,
  decide,
  evolve,
}
const organizationPolicies: PolicySetDecider = { ...platformPolicies, initial: () => nothing }

/** The owner is the stream's id. Only the platform begins with policies. */
export const policySet = (owner: PolicyOwner): PolicySetDecider =>
  owner === 'platform' ? platformPolicies : organizationPolicies

export interface PolicyVersion {
  readonly version: number
  readonly enabled: boolean
  readonly terms: PolicyTerms
  /** Absent for what the platform began with. */
  readonly at?: string
}

/** Every version of a policy, oldest first, from the events of its owner's stream. */
export function versionsOf(
  owner: PolicyOwner,
  policyId: string,
  events: Iterable<PolicyEvent>,
): readonly PolicyVersion[] {
  const versions: PolicyVersion[] = []
  let set = owner === 'platform' ? beginning : nothing
  const add = () => {
    const policy = set.policies.get(policyId)
    if (!policy || policy.version === versions.at(-1)?.version) return
    const { version, enabled, terms, changedAt } = policy
    versions.push({ version, enabled, terms, ...(changedAt !== undefined && { at: changedAt }) })
  }
  add()
  for (const event of events) {
    if (event.data.policyId !== policyId) continue
    set = evolve(set, event)
    add()
  }
  return versions
}
