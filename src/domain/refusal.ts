/**
 * A refusal is the domain's "no": the command was understood and must not happen.
 * It leaves no event. `code` reads as an answer; `facts` are what the person needs to act on it
 * (never secrets or personal data). api/errors.ts maps every code to a status and a text.
 */
export class Refusal extends Error {
  readonly code: RefusalCode
  readonly facts: Readonly<Record<string, unknown>>

  constructor(code: RefusalCode, facts: Readonly<Record<string, unknown>> = {}) {
    super(code)
    this.name = 'Refusal'
    this.code = code
    this.facts = facts
  }
}

/** Every "no" of the domain. A new code does not compile until api/errors.ts gives it a row. */
export type RefusalCode =
  // identity
  | 'invalid_credentials'
  | 'current_password_wrong'
  | 'unauthenticated'
  | 'session_ended'
  | 'user_deactivated'
  | 'user_not_found'
  | 'email_taken'
  | 'email_unchanged'
  | 'password_unacceptable'
  | 'registration_closed'
  | 'token_unusable'
  | 'too_many_hashes'
  | 'session_not_found'
  | 'sign_in_again'
  | 'telegram_off'
  | 'telegram_login_refused'
  | 'telegram_taken'
  | 'telegram_already_linked'
  | 'last_way_in'
  // access
  | 'forbidden'
  | 'not_found'
  | 'organization_required'
  | 'idempotency_key_reused'
  | 'request_too_old'
  | 'policy_denied'
  | 'rate_limited'
  | 'precondition_failed'
  // policies and keys
  | 'policy_not_found'
  | 'policy_invalid'
  | 'policy_widens'
  | 'too_many_policies'
  | 'too_many_api_keys'
  | 'api_key_not_found'
  | 'api_key_ended'
  | 'api_key_expired'
  | 'api_key_revoked'
  | 'expiry_in_past'
  // organizations
  | 'organization_not_found'
  | 'member_not_found'
  | 'already_member'
  | 'last_owner'
  | 'invitation_unusable'
  | 'role_above_own'
  // catalogue: plans, prices, models
  | 'plan_not_found'
  | 'plan_retired'
  | 'price_list_not_found'
  | 'model_not_found'
  | 'model_retired'
  | 'model_name_taken'
  | 'price_missing'
  // money
  | 'account_not_found'
  | 'insufficient_credit'
  | 'budget_exceeded'
  | 'spend_ceiling_reached'
  | 'hold_not_found'
  | 'lot_not_found'
  | 'charge_not_found'
  | 'adjustment_too_large'
  | 'not_subscribed'
  | 'portal_not_yours'
  | 'billing_by_provider'
  | 'payment_not_found'
  | 'no_payment_provider'
  | 'payment_provider_not_set'
  | 'payment_provider_unavailable'
  | 'payment_provider_refused'
  | 'price_not_offered'
  | 'billing_cycle_differs'
  | 'invoice_not_found'
  // agents and invocations
  | 'agent_not_found'
  | 'agent_inactive'
  | 'slug_taken'
  | 'label_not_found'
  | 'version_not_found'
  | 'template_invalid'
  | 'input_required'
  | 'variables_invalid'
  | 'prompt_too_large'
  | 'context_exceeded'
  | 'parameter_not_allowed'
  | 'invocation_not_found'
  | 'invocation_ended'
  | 'invocation_failed'
  | 'provider_unavailable'
  | 'provider_refused'
  | 'provider_timeout'
  | 'content_erased'
  | 'calls_stopped'
  // messages of a payment provider
  | 'webhook_off'
  | 'signature_invalid'
  | 'message_unreadable'
  | 'paddle_event_not_found'
  | 'paddle_event_not_parked'
