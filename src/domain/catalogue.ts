/**
 * Every event that Daybook writes or has ever written, by type. What is not here stops the reader.
 */
import { accountEvents } from './account/events.ts'
import { apiKeyEvents } from './api-key/events.ts'
import { agentEvents } from './agent/events.ts'
import { denialEvents } from './denial/events.ts'
import type { EventDefinitions } from './event.ts'
import { installationEvents } from './installation/events.ts'
import { invocationEvents } from './invocation/events.ts'
import { mailEvents } from './mail/events.ts'
import { modelEvents } from './model/events.ts'
import { organizationEvents } from './organization/events.ts'
import { paddleEventEvents, paddleReconciliationEvents } from './paddle-event/events.ts'
import { paymentEvents, trialClaimEvents } from './payment/events.ts'
import { planEvents } from './plan/events.ts'
import { policyEvents } from './policy/events.ts'
import { priceListEvents } from './price-list/events.ts'
import { serviceEvents } from './service/events.ts'
import { sessionEvents } from './session/events.ts'
import { slugClaimEvents } from './slug-claim/events.ts'
import { spendCeilingEvents } from './spend-ceiling/events.ts'
import { subscriptionEvents } from './subscription/events.ts'
import { telegramChatEvents } from './telegram-chat/events.ts'
import { telegramUpdateEvents } from './telegram-update/events.ts'
import { usageEvents } from './usage/events.ts'
import { emailClaimEvents, telegramClaimEvents, userEvents } from './user/events.ts'

/** By category of stream, in the order in which the documents show them. */
export const eventsByNoun = {
  user: userEvents,
  emailClaim: emailClaimEvents,
  telegramClaim: telegramClaimEvents,
  session: sessionEvents,
  mail: mailEvents,
  organization: organizationEvents,
  slugClaim: slugClaimEvents,
  account: accountEvents,
  subscription: subscriptionEvents,
  payment: paymentEvents,
  trialClaim: trialClaimEvents,
  paddleEvent: paddleEventEvents,
  paddleReconciliation: paddleReconciliationEvents,
  telegramUpdate: telegramUpdateEvents,
  telegramChat: telegramChatEvents,
  plan: planEvents,
  priceList: priceListEvents,
  model: modelEvents,
  agent: agentEvents,
  invocation: invocationEvents,
  policySet: policyEvents,
  apiKey: apiKeyEvents,
  usage: usageEvents,
  denial: denialEvents,
  spendCeiling: spendCeilingEvents,
  installation: installationEvents,
  service: serviceEvents,
} as const satisfies Readonly<Record<string, EventDefinitions>>

export const catalogue: EventDefinitions = Object.assign({}, ...Object.values(eventsByNoun))
