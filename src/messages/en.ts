/**
 * English. How the seller's account at a provider stands is no buyer's business: those failures share
 * one text.
 */
import type { TemplateProblem } from '../domain/agent/template.ts'
import type { FailureReason } from '../domain/invocation/events.ts'
import type { PasswordProblem } from '../domain/user/password-policy.ts'
import {
  amount,
  counter,
  given,
  isScope,
  moment,
  name,
  names,
  pick,
  problem,
  sentences,
  templateProblems,
  textOf,
  whole,
} from './format.ts'
import { mails } from './mails/en.ts'
import type { Facts, Messages } from './messages.ts'
import { siteEn } from './site/en.ts'

const counted = counter('en')
const quoted = (value: unknown) => names(value, (text) => `“${text}”`)
const quotedName = (value: unknown) => given`“${name(value)}”`

const wait = 'Wait a moment and try again.'
const newKey = 'Try again later, with a new Idempotency-Key if you sent one.'

const templateTexts: Readonly<Record<TemplateProblem['code'], (name: string) => string>> = {
  malformed_placeholder: () => 'a placeholder must look like {{name}}; write \\{{ for plain braces',
  undeclared_variable: (variable) => `the variable “${variable}” is not declared`,
  input_missing: () => '{{input}} is missing',
  input_in_system_prompt: () => '{{input}} must not stand here',
  input_not_required: () => '“input” must be required',
  duplicate_variable: (variable) => `“${variable}” is declared twice`,
  too_many_variables: () => 'too many variables are declared',
  too_large: () => 'the prompts are too long',
}

const passwordTexts: Readonly<Record<PasswordProblem, (facts: Facts) => string | undefined>> = {
  too_short: (f) =>
    given`Use at least ${counted(pick(f, 'min', 'min_length'), 'character', 'characters')}.`,
  too_long: (f) =>
    given`Use at most ${counted(pick(f, 'max', 'max_length'), 'character', 'characters')}.`,
  not_text: () => 'It contains characters that are not valid text. Type it again.',
  same_as_email: () => 'It is too close to your e-mail address. Choose another one.',
  contains_product_name: () => 'It is little more than the name of this service. Add more words.',
  too_simple: () => 'It repeats too few different characters. Choose a more varied one.',
  too_common: () => 'It is among the first that attackers try. Choose another one.',
}

const noAnswer = `The provider of the model gave no usable answer. ${newKey}`
const failureTexts: Readonly<Record<FailureReason, string>> = {
  unreachable: noAnswer,
  rate_limited: noAnswer,
  quota_exhausted: noAnswer,
  refused_key: noAnswer,
  unknown_model: noAnswer,
  provider_error: noAnswer,
  nonsense: noAnswer,
  timeout: `The provider of the model took too long to answer. ${newKey}`,
  refused_request:
    'The model did not take this request. Check the settings of the agent’s version.',
  context_exceeded:
    'The prompt is too long for the model. Shorten it and send it as a new request.',
  content_filtered:
    'The provider’s content filter stopped the answer. Word the request differently.',
  cut_off: `The answer broke off before its end. ${newKey}`,
  aborted: 'The call was stopped before its answer was complete.',
  expired: `The call could not be carried out in time and costs nothing. ${newKey}`,
  interrupted: `Our server stopped while the call was running; it costs nothing. ${newKey}`,
  content_erased: 'The texts of the call were erased before it began. Send it as a new request.',
  calls_stopped: `The administrator has stopped all calls to models for now. ${newKey}`,
}

function forbidden({ needed }: Facts): string {
  if (needed === 'administrator') return 'Only an administrator of this service may.'
  if (needed === 'user') return 'Only a person who is signed in may. An API key may not.'
  if (isScope(needed)) return `The API key needs the scope “${needed}”. Issue one that has it.`
  return (
    given`It takes the role ${quotedName(needed)} or a higher one in the organization. Ask one of its owners.` ??
    'Ask an owner of the organization for the right to do it.'
  )
}

/** `60 requests in 60 seconds`, `4 at once`. */
function limitText(f: Facts): string | undefined {
  const limit = f['limit']
  if (f['measure'] === 'concurrency') return given`${whole(limit)} at once`
  const units =
    f['measure'] === 'tokens'
      ? counted(limit, 'token', 'tokens')
      : counted(limit, 'request', 'requests')
  return given`${units} in ${counted(pick(f, 'window_seconds', 'windowSeconds'), 'second', 'seconds')}`
}

const problems: Messages['problems'] = {
  // identity
  invalid_credentials: problem(
    'The e-mail address or the password is wrong',
    'Check both and try again.',
  ),
  current_password_wrong: problem(
    'The current password is wrong',
    'Nothing was changed. Check “current_password” and try again.',
  ),
  unauthenticated: problem(
    'You are not signed in',
    'Send a valid access token as “Authorization: Bearer …”. If yours has expired, refresh it or sign in.',
  ),
  session_ended: problem('This session has ended', 'Sign in again.'),
  user_deactivated: problem(
    'This user account is deactivated',
    'Ask the administrator of this service to activate it again.',
  ),
  user_not_found: problem('There is no such user', 'Check the id.'),
  email_taken: problem('This e-mail address is taken', 'Use another address.'),
  email_unchanged: problem(
    'This is already your e-mail address',
    'Nothing was changed. To change the address, send a different one.',
  ),
  password_unacceptable: problem(
    'This password cannot be used',
    (f) =>
      textOf(passwordTexts, f['reason'])?.(f) ?? 'Choose a longer password that is hard to guess.',
  ),
  registration_closed: problem(
    'Registration is closed',
    'Ask the administrator of this service for an invitation.',
  ),
  token_unusable: problem(
    'This link or code does not work any more',
    'It has expired or was used already. Ask for a new one.',
  ),
  too_many_hashes: problem('Too many people are signing in right now', wait),
  session_not_found: problem('There is no such session', 'GET /me/sessions lists your sessions.'),
  sign_in_again: problem(
    'Sign in again for this',
    'You have no password, so this needs a sign-in of the last ten minutes. Nothing was changed.',
  ),
  telegram_off: problem(
    'Telegram is not set up here',
    'Whoever runs this service sets TELEGRAM_BOT_TOKEN to turn it on.',
  ),
  telegram_login_refused: problem(
    'This sign-in by Telegram is not good',
    'Begin again: what Telegram signs works once and for a short time.',
  ),
  telegram_taken: problem(
    'This Telegram account belongs to another user',
    'Nothing was changed. Sign in with it, or unlink it there first.',
  ),
  telegram_already_linked: problem(
    'Another Telegram account is linked to you',
    'Nothing was changed. Unlink it first: DELETE /me/telegram.',
  ),
  last_way_in: problem(
    'This is your only way to sign in',
    'Nothing was changed. Verify an e-mail address first, then unlink Telegram.',
  ),
  // access
  forbidden: problem('You may not do this', forbidden),
  not_found: problem('Not found', 'Check the id and the organization of your request.'),
  organization_required: problem(
    'It is not clear which organization you mean',
    'Name it in the header X-Organization-Id. GET /organizations lists yours.',
  ),
  idempotency_key_reused: problem(
    'This Idempotency-Key belongs to another request',
    'Send a new key, or repeat the first request exactly as it was.',
  ),
  request_too_old: problem(
    'The request waited too long',
    'It was not carried out and costs nothing. Send it again.',
  ),
  policy_denied: problem('A policy does not allow this', (f) =>
    sentences(
      given`It is the rule ${quotedName(f['rule'])}.`,
      'Ask whoever manages the policies of your organization.',
    ),
  ),
  rate_limited: problem('Too much at a time', (f) =>
    sentences(
      given`The limit is ${limitText(f)}.`,
      given`It is the rule ${quotedName(f['rule'])}.`,
      'Retry-After says when to try again.',
    ),
  ),
  // policies and keys
  policy_not_found: problem('There is no such policy', 'GET /policies lists those that bind you.'),
  policy_invalid: problem('This policy makes no sense', (f) =>
    sentences(
      given`Check the field ${quotedName(f['field'])}.`,
      given`Expected: ${name(f['expected'])}.`,
      'Nothing was changed.',
    ),
  ),
  policy_widens: problem('An organization’s policy can only narrow what may be done', (f) =>
    sentences(
      given`The field ${quotedName(f['field'])} takes ${name(f['expected'])} here.`,
      'The rest is for an administrator of this service.',
    ),
  ),
  too_many_policies: problem('There are too many policies', (f) =>
    sentences(
      given`At most ${whole(f['limit'])} are possible.`,
      'Disable those that are not needed, or put several into one.',
    ),
  ),
  too_many_api_keys: problem('There are too many API keys', (f) =>
    sentences(
      given`At most ${whole(f['limit'])} may be in use.`,
      'Revoke those that are not needed: DELETE /api-keys/{id}.',
    ),
  ),
  api_key_not_found: problem('There is no such API key', 'GET /api-keys lists yours.'),
  api_key_ended: problem(
    'This API key has expired or is revoked',
    'Nothing was changed. Issue another one.',
  ),
  api_key_expired: problem('This API key has expired', 'Issue another one.'),
  api_key_revoked: problem('This API key is revoked', 'Issue another one.'),
  expiry_in_past: problem('This would have expired already', 'Choose a time to come.'),
  // organizations
  organization_not_found: problem(
    'There is no such organization',
    'Check the id. GET /organizations lists yours.',
  ),
  member_not_found: problem('There is no such member', 'Check the id of the user.'),
  already_member: problem(
    'This person is a member already',
    'To give another role, change the role of the member.',
  ),
  last_owner: problem(
    'An organization needs an owner',
    'Make another member an owner first, then try again.',
  ),
  invitation_unusable: problem(
    'This invitation cannot be used',
    'It has expired, was used or withdrawn, or is for another address. Ask for a new one.',
  ),
  role_above_own: problem(
    'This role is above your own',
    'You can give, change and take only roles up to your own. Ask an owner.',
  ),
  // catalogue
  plan_not_found: problem('There is no such plan', 'GET /billing/plans lists the plans.'),
  plan_retired: problem('This plan is no longer offered', 'GET /billing/plans lists the plans.'),
  price_list_not_found: problem('There is no such price list', 'Check the id.'),
  model_not_found: problem('There is no such model', 'Check the name of the model.'),
  model_retired: problem('This model is no longer offered', 'Choose another model for the agent.'),
  model_name_taken: problem(
    'This name is taken',
    'A model, an alias of another model or an agent has it already. Choose another name.',
  ),
  price_missing: problem(
    'There is no price for this model',
    'A model without a price is never called. Choose another one, or ask the administrator to set a price.',
  ),
  // money
  account_not_found: problem(
    'The organization has no billing account yet',
    'GET /billing/account opens one.',
  ),
  insufficient_credit: problem('There is not enough credit', (f) => {
    const waiting = pick(f, 'helps_to_wait', 'waiting_helps')
    const available = amount(f['available'])
    return sentences(
      (waiting === true &&
        given`This can cost up to ${amount(f['needed'])}; ${available} is available, and ${amount(f['held'])} is held for calls that are still running.`) ||
        given`This can cost up to ${amount(f['needed'])}; ${available} is available.`,
      waiting === true
        ? 'Try again when running calls have ended, or add credit.'
        : 'Add credit, then try again.',
    )
  }),
  budget_exceeded: problem('A budget does not allow this call', (f) => {
    const waiting = pick(f, 'helps_to_wait', 'waiting_helps')
    const spent = given`The budget ${quotedName(f['policy'])} has ${amount(f['amount'])}, of which ${amount(f['spent'])} is spent and ${amount(f['held'])} is held for calls that are still running; this call can cost up to ${amount(f['needed'])}.`
    return sentences(
      spent,
      waiting === true && 'Try again when running calls have ended.',
      given`It begins anew at ${moment(pick(f, 'resets_at', 'resetsAt'))}.`,
      'GET /billing/budgets shows what is left. Who set the budget can change it.',
    )
  }),
  spend_ceiling_reached: problem(
    'This service takes no more calls to models today',
    'It costs you nothing. Try again after midnight UTC, or ask the administrator of this service.',
  ),
  hold_not_found: problem('There is no such hold', 'GET /billing/holds lists the open ones.'),
  lot_not_found: problem('There is no such credit', 'GET /billing/ledger lists all credit given.'),
  charge_not_found: problem('There is no such charge', 'GET /billing/ledger lists all charges.'),
  adjustment_too_large: problem(
    'The adjustment is larger than what is left of the charge',
    (f) =>
      given`At most ${amount(pick(f, 'largest', 'limit', 'left', 'max'))} can be given back. Send a smaller amount.` ??
      'Send a smaller amount.',
  ),
  not_subscribed: problem(
    'The organization has no subscription',
    'POST /billing/subscribe starts one.',
  ),
  portal_not_yours: problem(
    'The portal opens for whoever paid',
    'The payment provider knows another address than yours. Open the portal from the mail that it sent to the address that paid.',
  ),
  billing_by_provider: problem(
    'The payment provider keeps this subscription',
    'Change it there: POST /billing/portal answers with the link.',
  ),
  payment_not_found: problem(
    'There is no such payment',
    'GET /billing/invoices lists what was paid.',
  ),
  no_payment_provider: problem(
    'Nothing is paid here, and no invoices are issued',
    'The administrator of this service gives credit and keeps the books of it.',
  ),
  payment_provider_not_set: problem(
    'The subscription is kept by a payment provider that this service no longer asks',
    'It goes on there. Only the administrator of this service can change or end it.',
  ),
  payment_provider_unavailable: problem(
    'The payment provider cannot be asked right now',
    'Nothing was charged. Try again later, with the same Idempotency-Key if you sent one.',
  ),
  payment_provider_refused: problem(
    'The payment provider did not take the request',
    'Nothing was charged. If it happens again, tell the administrator of this service.',
  ),
  price_not_offered: problem(
    'The plan is not sold at this price',
    'GET /billing/plans names the prices of each plan.',
  ),
  billing_cycle_differs: problem(
    'What is paid for now does not change to this billing cycle',
    'Choose a price with the same billing cycle, or cancel at the end of the period and then take the plan anew.',
  ),
  invoice_not_found: problem(
    'There is no document for this payment',
    'The provider makes it soon after the payment. Try again later.',
  ),
  // agents and invocations
  agent_not_found: problem('There is no such agent', 'GET /agents lists the agents you can call.'),
  agent_inactive: problem(
    'This agent is switched off',
    'Choose another one from GET /agents, or ask its owner to activate it.',
  ),
  slug_taken: problem('This short name is taken', 'Choose another one.'),
  label_not_found: problem('The agent has no version with this label', (f) =>
    sentences(
      given`No version carries the label ${quotedName(f['label'])}.`,
      given`Labels in use: ${quoted(f['labels'])}.` ??
        'Put the label on a version first, or use another one.',
    ),
  ),
  version_not_found: problem(
    'The agent has no such version',
    (f) =>
      given`Its latest version is ${whole(f['latest'])}. Name one that exists.` ??
      'Name a version that exists.',
  ),
  template_invalid: problem('The prompt of the agent has mistakes', (f) =>
    sentences(
      templateProblems(f, templateTexts, (where, line) =>
        line === undefined ? where : `${where}, line ${line}`,
      ),
      'Correct the prompt and publish it again.',
    ),
  ),
  input_required: problem(
    'The input is missing',
    'Send “input”: the text for the agent, not empty.',
  ),
  variables_invalid: problem('The variables do not fit the agent', (f) =>
    sentences(
      given`Missing: ${quoted(f['missing'])}.`,
      given`Not known to the agent: ${quoted(f['unknown'])}.`,
      given`Too long: ${names(pick(f, 'too_long', 'tooLong'), (text, entry) => {
        const most = counted(pick(entry, 'max_length', 'maxLength'), 'character', 'characters')
        return `“${text}”${most ? ` (at most ${most})` : ''}`
      })}.`,
      given`Not a text: ${quoted(pick(f, 'not_text', 'notText'))}.`,
      'Correct “variables” and send the request again.',
    ),
  ),
  prompt_too_large: problem('The prompt is too large', (f) =>
    sentences(
      given`It has ${counted(f['tokens'], 'token', 'tokens')}, the limit is ${whole(f['limit'])}.` ??
        given`It has ${counted(f['bytes'], 'byte', 'bytes')}, the limit is ${whole(pick(f, 'limit_bytes', 'limitBytes', 'limit'))}.`,
      'Shorten the prompt or what is put into it.',
    ),
  ),
  context_exceeded: problem('The call does not fit into the model', (f) =>
    sentences(
      given`Prompt and answer may need ${counted(f['tokens'], 'token', 'tokens')}, the model takes ${whole(f['limit'])}.`,
      'Shorten the input, or let the agent answer in fewer tokens.',
    ),
  ),
  parameter_not_allowed: problem('The agent does not take this from its callers', (f) =>
    sentences(
      given`${name(f['parameter'])} is refused: the setting ${name(f['setting'])} of the agent’s version does not allow it.`,
      'Leave it out, or publish a version that allows it.',
    ),
  ),
  invocation_not_found: problem(
    'There is no such invocation',
    'Check the id. GET /invocations lists yours.',
  ),
  invocation_ended: problem(
    'The invocation has ended already',
    'Nothing is left to do. GET /invocations/{id} shows how it ended.',
  ),
  invocation_failed: problem('The call failed', (f) =>
    sentences(
      textOf(failureTexts, f['reason']) ?? noAnswer,
      given`GET /invocations/${name(pick(f, 'invocation_id', 'invocationId'))} shows what became of it.`,
    ),
  ),
  provider_unavailable: problem('The provider of the model cannot be used right now', newKey),
  provider_refused: problem(
    'The provider of the model did not take the request',
    'Try again later. If it happens again, tell the administrator of this service.',
  ),
  provider_timeout: problem('The provider of the model took too long', newKey),
  content_erased: problem(
    'The text has been erased',
    'It cannot be restored. To get a new answer, send a new request with a new Idempotency-Key.',
  ),
  calls_stopped: problem(
    'Calls to models are stopped',
    'The administrator of this service has stopped them for now. Try again later.',
  ),
  webhook_off: problem(
    'Nothing is received at this address',
    'The administrator of this service has not set the secret that messages here are signed with.',
  ),
  signature_invalid: problem(
    'The message is not signed by whom it says',
    'Sign the bytes of the body, at the time of sending, with the secret that both sides know.',
  ),
  message_unreadable: {
    title: 'The message cannot be understood',
    detail: ({ field }) => `It lacks a usable “${typeof field === 'string' ? field : 'body'}”.`,
  },
  paddle_event_not_found: problem(
    'There is no such event of Paddle',
    'Check the id: it begins with evt_. What never reached this service can be read from Paddle.',
  ),
  paddle_event_not_parked: problem(
    'This event of Paddle waits for nothing',
    'Only one that is parked can be dismissed. Its status says what became of it.',
  ),
  // the door itself
  invalid_input: problem(
    'The request is not valid',
    '“errors” names each field and what is expected there. Correct them and send it again.',
  ),
  malformed_body: problem(
    'The body cannot be read',
    'Send well-formed JSON in UTF-8. “errors” says where it went wrong.',
  ),
  unsupported_media_type: problem(
    'This content type is not supported',
    'Send JSON with the header “Content-Type: application/json”.',
  ),
  body_too_large: problem('The body is too large', 'Send a smaller one.'),
  route_not_found: problem(
    'There is nothing at this address',
    'Check the path. /docs describes every endpoint.',
  ),
  method_not_allowed: problem(
    'This method is not allowed here',
    'Check the method of the request. /docs describes every endpoint.',
  ),
  stream_busy: problem('Somebody else was changing this at the same moment', wait),
  precondition_failed: problem('This has changed since you read it', (f) =>
    sentences(
      given`It is at revision ${whole(f['revision'])} now.`,
      'Read it again, then repeat the change with the new ETag in If-Match.',
    ),
  ),
  event_too_large: problem('This is too large to be recorded', 'Send less text at once.'),
  view_behind: problem('The asked position has not been reached yet', wait),
  unavailable: problem('The service cannot answer right now', (f) =>
    sentences(given`A part of it does not respond (${name(f['service'])}).`, wait),
  ),
  stopping: problem('The server is restarting', wait),
  client_left: problem('The connection was closed before the answer', 'Send the request again.'),
  internal: problem(
    'Something went wrong on our side',
    'Try again. If it happens again, send “request_id” to the administrator of this service.',
  ),
}

export const en: Messages = {
  locale: 'en',
  language: 'English',
  problems,
  mail: mails,
  site: siteEn,
  texts: {
    registered:
      'If this address can be used, a message is on its way to it. Follow the link in it to go on.',
  },
  fields: {},
}
