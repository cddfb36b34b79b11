/**
 * A first example of an event from its schema, with values a person can read. Written once for each
 * version and then checked and kept by hand: a golden file is what was stored, not what is generated.
 */
import { z } from 'zod'
import { prefixes } from '../src/domain/ids.ts'

const ID = '01j8z3v5k7m9n2p4q6r8s0t1w3'
const DIGEST = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'

function prices(fresh: string, cached: string, output: string) {
  return { input_uncached: fresh, input_cached: cached, output, reasoning: output }
}

/** Fields that belong together in one event and do not follow from their names; undefined: left out. */
const together: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  CreditGranted: { amountNanos: '10000000000', reason: 'welcome', repayments: undefined },
  CreditRevoked: {
    amountNanos: '1000000000',
    source: 'provider',
    sourceId: 'txn_1',
    repayments: undefined,
  },
  HoldPlaced: { amountNanos: '5000000', keyId: undefined, practice: undefined },
  BudgetThresholdReached: {
    ruling: {
      policyId: `pol_${ID}`,
      version: 2,
      rule: 'Team',
      reason: 'a budget per user and month',
    },
    per: 'user',
    subject: `usr_${ID}`,
    periodStart: '2026-01-01T00:00:00.000Z',
    percent: 80,
    spentNanos: '8001225000',
    amountNanos: '10000000000',
    agents: undefined,
  },
  SpendReserved: { amountNanos: '500000000', ceilingNanos: '25000000000' },
  SpendReturned: { amountNanos: '480000000' },
  SpendThresholdReached: {
    policyId: `pol_${ID}`,
    percent: 80,
    reservedNanos: '20000000000',
    amountNanos: '25000000000',
  },
  CallsStopped: { reason: 'the provider’s bill' },
  HoldSettled: { balanceNanos: '9998775000', repayments: undefined, practice: undefined },
  HoldReleased: { reason: 'interrupted', balanceNanos: '10000000000', repayments: undefined },
  ChargeAdjusted: {
    amountNanos: '1000000',
    returned: [{ lotId: `lot_${ID}`, amountNanos: '1000000' }],
    drawn: [],
    remaining: [{ lotId: `lot_${ID}`, amountNanos: '225000' }],
    newLot: undefined,
    repayments: undefined,
  },
  OrganizationCreated: { name: 'Analytical Engines' },
  OrganizationRenamed: { name: 'Difference Engines' },
  AgentCreated: { name: 'Translator' },
  AgentRenamed: { name: 'Interpreter' },
  PlanPublished: { name: 'Pro', slug: 'pro', free: false, trial: undefined },
  PriceListPublished: { name: 'List prices', source: 'the provider’s price list, 2026-01-15' },
  MailRequested: { facts: undefined },
  InvocationFailed: {
    settlement: { kind: 'release', reason: 'failed' },
    usage: undefined,
    output: undefined,
    firstByteMs: undefined,
  },
  InvocationCanceled: {
    settlement: { kind: 'release', reason: 'canceled' },
    usage: undefined,
    output: undefined,
    firstByteMs: undefined,
    attempt: undefined,
    callId: undefined,
    latencyMs: undefined,
    providerRequestId: undefined,
  },
  UserRegistered: { provisional: false },
  TelegramClaimed: { name: 'Ada Lovelace', username: 'ada' },
  TelegramLinked: { username: 'ada' },
  CheckoutOpened: { url: 'https://example.com/pay?_ptxn=txn_1' },
  PaymentReceived: {
    purpose: 'period',
    subscriptionId: 'sub_1',
    creditNanos: '20000000000',
    shareMillionths: undefined,
  },
  PaymentReturned: { totalMinor: '1250', undoes: undefined, status: 'approved' },
  PaddleEventReceived: {
    subjectId: 'ctm_1',
    eventType: 'transaction.completed',
    entityId: 'txn_1',
  },
  PaddleEventParked: { waitsFor: ['subscription:sub_1'] },
  PaddleDriftDetected: { entityId: 'sub_1', differences: ['status: active, at Paddle past_due'] },
  TelegramUpdateReceived: {
    updateId: 870_001_234,
    mark: '9f86d081884c7d65',
    urgent: false,
    senderKey: DIGEST,
    content: {
      part: 'update',
      ref: `telegram-${DIGEST}/2026-01-31/c2FsdA`,
      digest: DIGEST,
      size: 214,
    },
  },
  TelegramUpdateHandled: { updateId: 870_001_234, handledAs: 'ask' },
  TelegramChatStarted: { updateId: 870_001_234 },
  TelegramChatStopped: { updateId: 870_001_234 },
  TelegramChatBlocked: { updateId: 870_001_234 },
  TelegramAgentSelected: { updateId: 870_001_234, senderKey: DIGEST },
  TelegramOrganizationSelected: { updateId: 870_001_234, senderKey: DIGEST },
  InvocationAttemptFailed: { firstByte: false },
}

/** The data of one event. */
export function exampleOfEvent(type: string, schema: z.ZodObject): Record<string, unknown> {
  const data = { ...(exampleOf(schema) as Record<string, unknown>), ...together[type] }
  const left = Object.entries(data).filter(([, value]) => value !== undefined)
  return schema.parse(Object.fromEntries(left))
}

/** By the field's name, the first that the schema takes. */
const readable: Readonly<Record<string, readonly unknown[]>> = {
  email: ['ada@example.com'],
  previousEmail: ['ada.lovelace@example.com'],
  recipient: ['ada@example.com'],
  passwordHash: ['$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNo'],
  locale: ['en'],
  slug: ['translator'],
  name: ['gpt-5-mini', 'Translator'],
  holderName: ['Translator'],
  model: ['gpt-5-mini'],
  modelName: ['gpt-5-mini'],
  provider: ['openai'],
  baseUrl: ['https://api.openai.com/v1'],
  keyRef: ['OPENAI_API_KEY'],
  source: ['administrator', 'https://openai.com/api/pricing, read 2026-01-15'],
  reason: ['the answer was cut', 'refund'],
  systemPrompt: ['You translate. Answer with the translation only.'],
  promptTemplate: ['Translate to {{language}}: {{input}}'],
  userAgent: ['Mozilla/5.0'],
  address: ['203.0.113.7'],
  version: [1, '2026-01'],
  scope: ['platform'],
  route: ['/agents/{agent_id}/invoke'],
  method: ['POST', 'password'],
  status: [200, 'active'],
  label: ['production'],
  period: ['month', '2026-02-01T00:00:00.000Z', '2026-01-31'],
  endUserText: ['customer 17'],
  finishReason: ['stop'],
  contextSize: [400_000],
  maxOutput: [128_000],
  maxTokens: [1_024],
  temperature: [0.7],
  generation: [2],
  latencyMs: [812],
  firstByteMs: [240],
  contentSubject: [`usr_${ID}/2026-01-31`],
  subscriptionId: ['manual:1'],
  agents: ['all'],
  variables: [[{ name: 'language', description: 'the target', required: true, maxLength: 40 }]],
  fallbacks: [['gpt-5-nano']],
  idleUntil: ['2026-03-02T12:00:00.000Z'],
  endsAt: ['2026-05-01T12:00:00.000Z'],
  expiresAt: ['2026-02-28T12:00:00.000Z'],
  deadline: ['2026-01-31T12:10:00.000Z'],
  periodStart: ['2026-01-31T00:00:00.000Z'],
  periodEnd: ['2026-02-28T00:00:00.000Z'],
  previousEmailHmac: [DIGEST.replace('9f', '60')],
  emailHmac: [DIGEST],
  tokenHash: [DIGEST],
  endUser: [DIGEST],
  digest: [DIGEST],
  requestDigest: [DIGEST],
  proves: [DIGEST],
  holderId: [`agt_${ID}`],
  sourceId: [`pln_${ID}`],
  grantId: ['0b8f6c1e-6f5a-5a57-9b0e-2f1d6c3a7e10'],
  revocationId: ['0b8f6c1e-6f5a-5a57-9b0e-2f1d6c3a7e11'],
  adjustmentId: [`adj_${ID}`, '0b8f6c1e-6f5a-5a57-9b0e-2f1d6c3a7e12'],
  telegramId: ['424242424'],
  botId: ['123456789'],
  mark: ['9f86d081884c7d65'],
  chatKey: [DIGEST],
  paymentId: ['txn_1'],
  returnId: ['adj_1'],
  customerId: ['ctm_1'],
  subjectId: [`usr_${ID}`, 'ctm_1'],
  priceId: ['pri_1'],
  cursor: ['evt_2'],
  notificationId: ['ntf_1'],
  invoiceNumber: ['325-10566'],
  currency: ['USD'],
  totalMinor: ['2500'],
  taxMinor: ['400'],
  body: ['{"event_id":"evt_1"}'],
  occurredAt: ['2026-01-31T12:00:00.000Z', '2026-01-31T12:00:00.635628000Z'],
  eventId: ['0b8f6c1e-6f5a-5a57-9b0e-2f1d6c3a7e13'],
  callId: ['6c1e0b8f-6f5a-4a57-9b0e-2f1d6c3a7e14'],
  runId: ['7d2f1c9a-1b6d-4c8e-8f1f-3a2e7d4b8f15'],
  requestId: ['8e3a2d0b-2c7e-4d9f-9a2a-4b3f8e5c9a16'],
  providerRequestId: ['req_0a1b2c3d4e'],
  ref: [`usr_${ID}/2026-01-31/inv_${ID}.c2FsdA`],
  part: ['request'],
  size: [412],
  days: [30, 14],
  graceDays: [7],
  markUpBasisPoints: [2_500],
  perMessage: [4],
  perRequest: [3],
  requestsPerMinute: [120],
  invocationsPerMinute: [60],
  concurrentInvocations: [8],
  quantities: [{ input_uncached: 1_200, input_cached: 0, output: 340, reasoning: 0 }],
  cost: [prices('250000000', '25000000', '2000000000')],
  price: [prices('312500000', '31250000', '2500000000')],
  priceNanos: ['1225000'],
  chargeNanos: ['1225000'],
  waivedNanos: ['0'],
  uncollectedNanos: ['0'],
  costNanos: ['980000'],
  holdNanos: ['5000000'],
  parts: [[{ lotId: `lot_${ID}`, amountNanos: '5000000' }]],
  drawn: [[{ lotId: `lot_${ID}`, amountNanos: '1225000' }]],
  takenNanos: ['900000000'],
  debtNanos: ['100000000'],
  expiredBeforeNanos: ['0'],
}
const texts: readonly unknown[] = [
  ...Object.values(prefixes).map((prefix) => `${prefix}_${ID}`),
  '2026-01-31T12:00:00.000Z',
  '1500000000',
  DIGEST,
  'text',
  'TEXT',
  'en',
  'https://example.com',
]
const numbers: readonly number[] = [1, 2, 200, 0]
/** What a sealed field may hold, where its name says nothing. */
const anything: readonly unknown[] = ['text', { organization: 'Analytical Engines' }, 1]

function exampleOf(schema: z.ZodType, field = ''): unknown {
  const preferred = (readable[field] ?? []).find((value) => schema.safeParse(value).success)
  if (preferred !== undefined) return preferred
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodExactOptional)
    return exampleOf(schema.unwrap() as z.ZodType, field)
  if (schema instanceof z.ZodNullable || schema instanceof z.ZodReadonly)
    return exampleOf(schema.unwrap() as z.ZodType, field)
  if (schema instanceof z.ZodObject)
    return Object.fromEntries(
      Object.entries(schema.shape).map(([name, one]) => [name, exampleOf(one as z.ZodType, name)]),
    )
  if (schema instanceof z.ZodArray) return [exampleOf(schema.element as z.ZodType, field)]
  if (schema instanceof z.ZodRecord) return { feature: 'translation' }
  if (schema instanceof z.ZodUnion) return exampleOf(schema.options[0] as z.ZodType, field)
  if (schema instanceof z.ZodLiteral) return [...schema.values][0]
  if (schema instanceof z.ZodEnum) return schema.options[0]
  if (schema instanceof z.ZodBoolean) return true
  const candidates =
    schema.type === 'number' ? numbers : schema.type === 'string' ? texts : anything
  const found = candidates.find((value) => schema.safeParse(value).success)
  if (found === undefined) throw new Error(`no example is known for ${field || 'a field'}`)
  return found
}
