/**
 * Somebody who can invoke: an organization with a plan, prices, a model, credit and an agent, made by
 * the deciders. Prices are nano-USD a million tokens; the defaults make a token in 1,000 nanos and a
 * token out 2,000.
 */
import { newId, step } from '../../src/commands/context.ts'
import { account } from '../../src/domain/account/account.ts'
import { balanceOf, heldOf } from '../../src/domain/account/state.ts'
import { agent } from '../../src/domain/agent/agent.ts'
import type { AgentVersionInput } from '../../src/domain/agent/events.ts'
import { invocationDecider } from '../../src/domain/invocation/invocation.ts'
import type { ModelInput } from '../../src/domain/model/events.ts'
import type { TokenPrices } from '../../src/domain/money.ts'
import type { PlanInput } from '../../src/domain/plan/events.ts'
import { plan } from '../../src/domain/plan/plan.ts'
import { priceList } from '../../src/domain/price-list/price-list.ts'
import { subscription } from '../../src/domain/subscription/subscription.ts'
import type { Reply, TestApp } from './app.ts'
import { operatorRoot, publishModel, type SignedIn, signIn } from './seed.ts'

export interface Funded extends SignedIn {
  readonly agentId: string
  readonly modelName: string
}

export interface FundedOptions {
  /** nano-USD; 1 USD unless said. 0n: an open account without credit. */
  readonly creditNanos?: bigint
  readonly agent?: Partial<AgentVersionInput>
  readonly models?: readonly (Partial<ModelInput> & { readonly name: string })[]
  readonly plan?: Partial<PlanInput>
  readonly price?: TokenPrices
}

export const prices = (input: bigint, output: bigint): TokenPrices => ({
  input_uncached: input.toString(),
  input_cached: (input / 2n).toString(),
  output: output.toString(),
  reasoning: output.toString(),
})
export const defaultPrice = prices(1_000_000_000n, 2_000_000_000n)
const defaultCost = prices(500_000_000n, 1_000_000_000n)

export const version = (change: Partial<AgentVersionInput> = {}): AgentVersionInput => ({
  systemPrompt: 'Be brief.',
  promptTemplate: '{{input}}',
  modelName: 'test-model',
  maxTokens: 100,
  variables: [],
  fallbacks: [],
  abortPolicy: 'drain',
  onProviderFailure: 'free',
  store: true,
  ...change,
})

export async function fund(test: TestApp, options: FundedOptions = {}): Promise<Funded> {
  const person = await signIn(test)
  await terms(test, person.orgId, options)
  await grant(test, person.orgId, options.creditNanos ?? 1_000_000_000n)
  const input = version(options.agent)
  const agentId = await publishAgent(test, person.orgId, input)
  return { ...person, agentId, modelName: input.modelName ?? '' }
}

/** Models, a price list with an entry for each, a plan, and the organization's subscription to it. */
async function terms(test: TestApp, orgId: string, options: FundedOptions): Promise<void> {
  const { deps } = test.app
  const { streams, ids } = deps
  const root = operatorRoot(deps)
  const at = root.at
  const models = options.models ?? [{ name: 'test-model' }]
  for (const one of models) await publishModel(test, { ...one, name: one.name })
  const priceListId = newId(ids, root, 'priceList')
  await streams.transact(
    priceList,
    priceListId,
    {
      type: 'PublishPriceList',
      priceListId,
      at,
      name: 'Test prices',
      entries: models.map(({ name }) => ({
        model: name,
        cost: defaultCost,
        price: options.price ?? defaultPrice,
      })),
    },
    step(ids, root, 'prices'),
  )
  const planId = newId(ids, root, 'plan')
  await streams.transact(
    plan,
    planId,
    {
      type: 'PublishPlan',
      planId,
      at,
      name: 'Test plan',
      slug: `test-${planId.slice(-10)}`,
      prices: { priceListId },
      graceDays: 0,
      free: true,
      agents: 'all',
      limits: {},
      selfSubscribe: true,
      ...options.plan,
    },
    step(ids, root, 'plan'),
  )
  await streams.transact(
    subscription,
    orgId,
    {
      type: 'Subscribe',
      subscriptionId: `manual:${root.id}`,
      planId,
      planVersion: 1,
      graceDays: 0,
      eventId: root.id,
      at,
    },
    step(ids, root, 'subscribe'),
  )
}

/** Opens the account where there is none and grants paid credit. */
export async function grant(
  test: TestApp,
  orgId: string,
  amountNanos: bigint,
  expiresAt?: string,
): Promise<void> {
  const { deps } = test.app
  const { streams, ids } = deps
  const root = operatorRoot(deps)
  const at = root.at
  await streams.transact(
    account,
    orgId,
    { type: 'OpenAccount', orgId, at },
    step(ids, root, 'open'),
  )
  if (amountNanos === 0n) return
  await streams.transact(
    account,
    orgId,
    {
      type: 'GrantCredit',
      grantId: root.id,
      lotId: newId(ids, root, 'lot'),
      kind: 'paid',
      amountNanos,
      reason: 'for a test',
      source: 'administrator',
      at,
      ...(expiresAt === undefined ? {} : { expiresAt }),
    },
    step(ids, root, 'grant'),
  )
}

export async function publishAgent(
  test: TestApp,
  owner: string,
  input: AgentVersionInput,
): Promise<string> {
  const { deps } = test.app
  const root = { ...operatorRoot(deps), ...(owner !== 'platform' && { orgId: owner }) }
  const agentId = newId(deps.ids, root, 'agent')
  await deps.streams.transact(
    agent,
    agentId,
    {
      type: 'CreateAgent',
      agentId,
      owner,
      slug: `a-${agentId.slice(-12)}`,
      name: 'Test agent',
      publish: { version: input, digest: deps.ids.sha256(JSON.stringify(input)) },
    },
    step(deps.ids, root, 'agent'),
  )
  return agentId
}

/** What the account has, from its stream. */
export async function moneyOf({ app: { deps } }: TestApp, orgId: string) {
  const { state } = await deps.streams.load(account, orgId)
  return { balance: balanceOf(state), held: heldOf(state) }
}

export async function callOf({ app: { deps } }: TestApp, invocationId: string) {
  return (await deps.streams.load(invocationDecider, invocationId)).state
}

/** Types of the events of a stream, in order. */
export async function storyOf({ app: { deps } }: TestApp, stream: string): Promise<string[]> {
  return (await deps.streams.read(stream)).map((event) => event.type)
}

export interface InvokeReply {
  readonly invocation_id: string
  readonly output: string
  readonly finish_reason: string
  readonly usage: { readonly basis: string } & Readonly<Record<string, unknown>>
  readonly cost: { readonly amount: string; readonly currency: string }
  readonly agent: { readonly id: string; readonly version: number }
  readonly balance_after: { readonly amount: string; readonly currency: string }
  readonly practice?: true
  readonly code?: string
  readonly facts?: Readonly<Record<string, unknown>>
}

export const invoke = (
  test: TestApp,
  who: Funded,
  body: Readonly<Record<string, unknown>> = {},
  options: { key?: string; headers?: Readonly<Record<string, string>> } = {},
): Promise<Reply<InvokeReply>> =>
  test.request<InvokeReply>(`POST /agents/${who.agentId}/invoke`, {
    token: who.token,
    body: { input: 'Hello', ...body },
    ...options,
  })
