/**
 * The one table from code to status, and the one place where an error becomes an answer: RFC 9457
 * problem details in the person's language. What is not expected is a defect: 500, its text hidden,
 * logged with its cause.
 */
import { RevisionConflict, EventTooLarge } from '../ports/event-store.ts'
import { Unavailable } from '../ports/unavailable.ts'
import { UnknownEvent } from '../ports/unknown-event.ts'
import { PreconditionFailed } from '../commands/streams.ts'
import { Refusal } from '../domain/refusal.ts'
import type { Facts, Messages, ProblemCode } from '../messages/messages.ts'
import { publicFacts } from '../messages/public-facts.ts'
import { rateName, rateOfRefusal } from './rate-headers.ts'

export const statusOf: Readonly<Record<ProblemCode, number>> = {
  invalid_credentials: 401,
  current_password_wrong: 403,
  unauthenticated: 401,
  session_ended: 401,
  user_deactivated: 403,
  user_not_found: 404,
  email_taken: 409,
  email_unchanged: 409,
  password_unacceptable: 422,
  registration_closed: 403,
  token_unusable: 422,
  too_many_hashes: 503,
  session_not_found: 404,
  sign_in_again: 403,
  telegram_off: 404,
  telegram_login_refused: 401,
  telegram_taken: 409,
  telegram_already_linked: 409,
  last_way_in: 409,
  forbidden: 403,
  not_found: 404,
  organization_required: 409,
  idempotency_key_reused: 422,
  request_too_old: 409,
  policy_denied: 403,
  rate_limited: 429,
  policy_not_found: 404,
  policy_invalid: 422,
  policy_widens: 422,
  too_many_policies: 409,
  too_many_api_keys: 409,
  api_key_not_found: 404,
  api_key_ended: 409,
  api_key_expired: 401,
  api_key_revoked: 401,
  expiry_in_past: 422,
  organization_not_found: 404,
  member_not_found: 404,
  already_member: 409,
  last_owner: 409,
  invitation_unusable: 422,
  role_above_own: 403,
  plan_not_found: 404,
  plan_retired: 409,
  price_list_not_found: 404,
  model_not_found: 404,
  model_retired: 409,
  model_name_taken: 409,
  price_missing: 422,
  account_not_found: 404,
  insufficient_credit: 402,
  // Not 429: clients would ask again and again, and a budget does not come back for hours.
  budget_exceeded: 402,
  spend_ceiling_reached: 503,
  hold_not_found: 404,
  lot_not_found: 404,
  charge_not_found: 404,
  adjustment_too_large: 422,
  portal_not_yours: 403,
  not_subscribed: 409,
  billing_by_provider: 409,
  payment_not_found: 404,
  no_payment_provider: 409,
  payment_provider_not_set: 409,
  payment_provider_unavailable: 503,
  payment_provider_refused: 502,
  price_not_offered: 422,
  billing_cycle_differs: 409,
  invoice_not_found: 404,
  agent_not_found: 404,
  agent_inactive: 404,
  slug_taken: 409,
  label_not_found: 404,
  version_not_found: 404,
  template_invalid: 422,
  input_required: 422,
  variables_invalid: 422,
  prompt_too_large: 422,
  context_exceeded: 422,
  parameter_not_allowed: 422,
  invocation_not_found: 404,
  invocation_ended: 409,
  invocation_failed: 502,
  provider_unavailable: 502,
  provider_refused: 502,
  provider_timeout: 504,
  content_erased: 410,
  calls_stopped: 503,
  webhook_off: 404,
  signature_invalid: 401,
  message_unreadable: 422,
  paddle_event_not_found: 404,
  paddle_event_not_parked: 409,
  invalid_input: 400,
  malformed_body: 400,
  unsupported_media_type: 415,
  body_too_large: 413,
  route_not_found: 404,
  method_not_allowed: 405,
  stream_busy: 503,
  precondition_failed: 412,
  event_too_large: 413,
  view_behind: 503,
  unavailable: 503,
  stopping: 503,
  client_left: 499,
  internal: 500,
}

/** What was wrong with the request itself: where, and what is expected there. */
export interface FieldIssue {
  /** Path of the field, as `body.variables.name`. */
  readonly path: string
  readonly message: string
}

/** A refusal of the door itself, before any command. */
export class Problem extends Error {
  readonly code: ProblemCode
  readonly facts: Facts
  readonly issues: readonly FieldIssue[]
  constructor(code: ProblemCode, facts: Facts = {}, issues: readonly FieldIssue[] = []) {
    super(code)
    this.name = 'Problem'
    this.code = code
    this.facts = facts
    this.issues = issues
  }
}

export interface ProblemBody {
  readonly type: string
  readonly code: ProblemCode
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly facts?: Facts
  readonly errors?: readonly FieldIssue[]
  /** Of a limit: the name that the RateLimit headers have for it. */
  readonly 'violated-policies'?: readonly string[]
  readonly request_id: string
}

/** Any error as a problem of the table; undefined for a defect. */
export function problemOf(error: unknown): (Problem & { retryAfterMs?: number }) | undefined {
  if (error instanceof Problem) return error
  if (error instanceof Refusal) {
    const problem = new Problem(error.code, error.facts)
    const { retryAfterSeconds } = error.facts
    if (typeof retryAfterSeconds === 'number')
      return Object.assign(problem, { retryAfterMs: retryAfterSeconds * 1_000 })
    if (error.code === 'too_many_hashes') return Object.assign(problem, { retryAfterMs: 1_000 })
    const { retryAfterMs } = error.facts
    return typeof retryAfterMs === 'number' ? Object.assign(problem, { retryAfterMs }) : problem
  }
  if (error instanceof RevisionConflict)
    return Object.assign(new Problem('stream_busy'), { retryAfterMs: 1_000 })
  if (error instanceof PreconditionFailed)
    return new Problem('precondition_failed', { revision: error.revision })
  if (error instanceof EventTooLarge) return new Problem('event_too_large', { bytes: error.bytes })
  if (error instanceof Unavailable)
    return Object.assign(new Problem('unavailable', { service: error.service }), {
      retryAfterMs: error.retryAfterMs,
    })
  // Written by a newer release: a process of that one can answer.
  if (error instanceof UnknownEvent) return new Problem('unavailable', { service: 'event log' })
  return problemOfFramework(error)
}

/** What Fastify itself refuses, by its documented codes. */
function problemOfFramework(error: unknown): Problem | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  const { code, statusCode } = error as { code?: unknown; statusCode?: unknown }
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return new Problem('body_too_large')
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return new Problem('unsupported_media_type')
  if (code === 'FST_ERR_CTP_EMPTY_JSON_BODY')
    return new Problem('malformed_body', {}, [{ path: 'body', message: 'a JSON body is required' }])
  if (statusCode === 413) return new Problem('body_too_large')
  if (statusCode === 415) return new Problem('unsupported_media_type')
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500)
    return new Problem('malformed_body', {}, [{ path: 'body', message: 'not understood' }])
  return undefined
}

/** Problems that have a type of their own everywhere, so that programs need not know ours. */
const registered: Readonly<Partial<Record<ProblemCode, string>>> = {
  // Of draft-ietf-httpapi-ratelimit-headers.
  rate_limited: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
}

function violatedPolicies({ code, facts }: Problem): Pick<ProblemBody, 'violated-policies'> {
  const rate = code === 'rate_limited' ? rateOfRefusal(facts) : undefined
  return rate ? { 'violated-policies': [rateName(rate)] } : {}
}

/** The problem document, in the language of `messages`. */
export function problemBody(problem: Problem, messages: Messages, requestId: string): ProblemBody {
  const text = messages.problems[problem.code]
  const facts = publicFacts(problem.facts)
  return {
    type: registered[problem.code] ?? `/docs#${problem.code}`,
    code: problem.code,
    title: text.title,
    status: statusOf[problem.code],
    detail: text.detail(facts),
    ...(Object.keys(facts).length > 0 ? { facts } : {}),
    ...(problem.issues.length > 0
      ? {
          errors: problem.issues.map(({ path, message }) => ({
            path,
            message: own(messages, message),
          })),
        }
      : {}),
    ...violatedPolicies(problem),
    request_id: requestId,
  }
}

const own = ({ fields }: Messages, phrase: string): string =>
  (Object.hasOwn(fields, phrase) ? fields[phrase] : undefined) ?? phrase
