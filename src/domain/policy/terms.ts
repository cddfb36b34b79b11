/**
 * Which terms make sense, and which of them an organization may set. An organization's policies can only
 * narrow: nothing here lets one allow what the platform does not, or bind anybody but itself.
 */
import { Refusal } from '../refusal.ts'
import {
  type Budget,
  type LimitedAction,
  type PolicyOwner,
  policyTerms,
  type PolicyTerms,
  type RateLimit,
  type ResourceAccess,
} from './events.ts'

/** Whom each action can be counted for. */
const dimensions: Readonly<Record<LimitedAction, readonly RateLimit['per'][]>> = {
  login: ['ip', 'address'],
  registration: ['ip', 'address'],
  password_reset: ['ip', 'address'],
  invoke: ['user', 'end_user', 'key', 'agent', 'organization', 'ip'],
  webhook: ['ip'],
  request: ['user', 'key', 'organization', 'ip'],
}
/** What happens inside an organization. */
const ofOrganizations: ReadonlySet<LimitedAction> = new Set(['invoke', 'request'])

const invalid = (field: string, expected: string) =>
  new Refusal('policy_invalid', { field, expected })
const widens = (field: string, expected: string) =>
  new Refusal('policy_widens', { field, expected })

/** Terms from fields that may not belong together. @throws Refusal policy_invalid */
export function termsFrom(fields: Readonly<Record<string, unknown>>): PolicyTerms {
  const parsed = policyTerms.safeParse(fields)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const isUnknown = issue?.code === 'unrecognized_keys'
  const field = (isUnknown ? issue.keys.slice(0, 1) : (issue?.path ?? [])).join('.')
  const expected = isUnknown ? 'no such field in this kind of policy' : (issue?.message ?? '')
  throw invalid(snakeCase(field), expected.slice(0, 300))
}

const snakeCase = (field: string): string =>
  field.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/**
 * @throws Refusal policy_invalid: nothing would follow from it; policy_widens: it is the platform's to say
 */
export function assertTerms(owner: PolicyOwner, terms: PolicyTerms): void {
  switch (terms.kind) {
    case 'rate_limit':
      return assertLimit(owner, terms)
    case 'resource_access':
      return assertAccess(owner, terms)
    case 'budget':
      return assertBudget(owner, terms)
  }
}

function assertLimit(owner: PolicyOwner, terms: RateLimit): void {
  const { on, per, measure, limit, windowSeconds, burst, agents, models } = terms
  if (owner !== 'platform' && !ofOrganizations.has(on))
    throw widens('on', [...ofOrganizations].join(', '))
  if (!dimensions[on].includes(per)) throw invalid('per', dimensions[on].join(', '))
  if (on !== 'invoke') {
    if (measure !== 'requests') throw invalid('measure', 'requests')
    if (agents) throw invalid('agents', 'only with on: invoke')
    if (models) throw invalid('models', 'only with on: invoke')
  }
  if (measure === 'concurrency') {
    if (windowSeconds !== undefined) throw invalid('window_seconds', 'none for concurrency')
    if (burst !== undefined) throw invalid('burst', 'none for concurrency')
  }
  if (burst !== undefined && burst > limit) throw invalid('burst', 'at most limit')
}

function assertAccess(owner: PolicyOwner, { effect }: ResourceAccess): void {
  if (owner !== 'platform' && effect !== 'deny') throw widens('effect', 'deny')
}

function assertBudget(owner: PolicyOwner, { per, hard, thresholds }: Budget): void {
  if (owner !== 'platform' && per === 'platform')
    throw widens('per', 'user, end_user, key, agent, organization')
  if (!hard && (thresholds === undefined || thresholds.length === 0))
    throw invalid('thresholds', 'at least one where hard is false')
}
