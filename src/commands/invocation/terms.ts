/**
 * Under which terms a call is admitted: agent version, plan in force, models, prices. All of it from the
 * streams, never from a view, since money follows from it. Decided once, at admission, and then stored
 * with the call.
 */
import { account } from '../../domain/account/account.ts'
import type { Hold } from '../../domain/account/state.ts'
import {
  agent,
  type AgentVersion,
  type AppliedSettings,
  DEFAULT_LABEL,
  settingsOf,
  versionForCall,
} from '../../domain/agent/agent.ts'
import { type Prompt, wordsOf } from '../../domain/agent/conversation.ts'
import { holdBound, promptBound } from '../../domain/invocation/bound.ts'
import type { ChainLink } from '../../domain/invocation/events.ts'
import type { ModelInput } from '../../domain/model/events.ts'
import { usableModel } from '../../domain/model/model.ts'
import type { TokenQuantities } from '../../domain/money.ts'
import { allowsAgent } from '../../domain/plan/plan.ts'
import { markedUp, priceList, type Prices, pricesAt } from '../../domain/price-list/price-list.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { Deps } from '../deps.ts'
import { namedModel } from '../model/named-model.ts'
import { planInForce } from '../subscription/plan-in-force.ts'

/** One model that may answer: how it is called and what it costs. */
export interface Choice {
  readonly model: ModelInput
  readonly link: ChainLink
}

export interface CallTerms {
  readonly version: AgentVersion
  readonly label: string
  readonly settings: AppliedSettings
  readonly priceList: { readonly id: string; readonly version: number }
  readonly chain: readonly Choice[]
  /** The agent is the platform's, not the organization's own. */
  readonly sharedAgent: boolean
}

export interface TermsWanted {
  readonly orgId: string
  readonly agentId: string
  readonly label: string | undefined
  /** What the caller allows the answer, at most. */
  readonly maxTokens?: number | undefined
  readonly at: string
  /** A hold stands already: its version and its prices apply, whatever has changed since. */
  readonly hold?: Hold
}

type TermsDeps = Pick<Deps, 'streams' | 'ids' | 'settings'>

/**
 * @throws Refusal agent_not_found, agent_inactive, label_not_found, not_subscribed, forbidden,
 *   model_not_found, model_retired, price_list_not_found, price_missing
 */
export async function termsFor(deps: TermsDeps, wanted: TermsWanted): Promise<CallTerms> {
  const { streams, settings: defaults } = deps
  const { orgId, agentId, hold, at } = wanted
  const [{ state: called }, inForce] = await Promise.all([
    streams.load(agent, agentId),
    planInForce(deps, orgId, at),
    // Read now, beside the others: the hold needs it next.
    streams.load(account, orgId),
  ])
  // Without a plan there is no price.
  if (!inForce) throw new Refusal('not_subscribed')
  const label = hold?.label ?? wanted.label ?? DEFAULT_LABEL
  const held = hold && called?.versions[hold.agentVersion - 1]
  const version = held ?? versionForCall(called, orgId, label)
  if (!held && called?.owner === 'platform' && !allowsAgent(inForce.terms, agentId))
    throw new Refusal('forbidden', { agentId, planId: inForce.planId, version: inForce.version })
  const { name, temperature, maxTokens } = defaults.model
  const applied = settingsOf(version, {
    modelName: name,
    maxTokens,
    ...(temperature === undefined ? {} : { temperature }),
  })
  const most = Math.min(applied.maxTokens, wanted.maxTokens ?? Infinity)
  const settings = { ...applied, maxTokens: most }
  const { priceListId, markUpBasisPoints } = inForce.terms.prices
  const [{ state: list }, models] = await Promise.all([
    streams.load(priceList, hold?.priceListId ?? priceListId),
    modelsOf(deps, settings.models),
  ])
  const priced = models.map((one) => ({
    model: one,
    prices: hold
      ? pricesOfVersion(list, hold.priceListVersion, one.name, markUpBasisPoints)
      : pricesAt(list, one.name, at, markUpBasisPoints),
  }))
  const [first] = priced
  if (!first) throw new Error('a chain has a model')
  return {
    version,
    label,
    settings,
    sharedAgent: called?.owner === 'platform',
    priceList: { id: first.prices.priceListId, version: first.prices.version },
    chain: priced.map(({ model: one, prices: { price, cost } }) => ({
      model: one,
      link: { model: one.name, price, cost },
    })),
  }
}

/** Each once, under its own name: an alias may mean a model that the chain has already. */
async function modelsOf(
  deps: Pick<Deps, 'streams' | 'ids'>,
  names: readonly string[],
): Promise<readonly ModelInput[]> {
  const found = await Promise.all(names.map((name) => namedModel(deps, name)))
  const terms = names.map((name, index) => usableModel(found[index], name).terms)
  return [...new Map(terms.map((one) => [one.name, one])).values()]
}

function pricesOfVersion(
  list: Parameters<typeof pricesAt>[0],
  version: number,
  name: string,
  markUpBasisPoints: number | undefined,
): Prices {
  const entry = list?.versions[version - 1]?.entries.find((one) => one.model === name)
  if (!list || !entry) throw new Refusal('price_missing', { model: name })
  const { priceListId } = list
  const price =
    markUpBasisPoints === undefined ? entry.price : markedUp(entry.cost, markUpBasisPoints)
  return { priceListId, version, cost: entry.cost, price }
}

/** The most tokens that this model may answer with. */
export const outputLimit = ({ maxOutput }: ModelInput, maxTokens: number): number =>
  Math.min(maxTokens, maxOutput)

/** nano-USD. */
export interface CallBound {
  /** The most that the call can cost the buyer. */
  readonly priceNanos: bigint
  /** The most that the provider can take from the seller. */
  readonly costNanos: bigint
  /** The most tokens, in and out, that a model of it can take. */
  readonly tokens: number
}

/**
 * @throws Refusal context_exceeded where it certainly does not fit the first model
 */
export async function boundOf(
  { tokenCounter }: Pick<Deps, 'tokenCounter'>,
  terms: CallTerms,
  { messages, options }: Prompt,
): Promise<CallBound> {
  const serialised = JSON.stringify(messages)
  // Providers write tools and formats in words of their own: no token of those is shorter than a byte.
  const optionBytes = options === undefined ? 0 : Buffer.byteLength(JSON.stringify(options))
  const bounded = []
  for (const { model: one, link } of terms.chain) {
    await tokenCounter.load(one.encoding)
    bounded.push({
      promptTokens: tokenCounter.count(one.encoding, serialised) + optionBytes,
      messages: messages.length,
      framing: one.framing,
      maxOutputTokens: outputLimit(one, terms.settings.maxTokens),
      price: link.price,
      cost: link.cost,
    })
  }
  const [first] = bounded
  const [choice] = terms.chain
  if (first && choice && choice.model.encoding !== 'bytes') {
    // Without the options: what their bytes are in tokens is not certain.
    const tokens = promptBound(first) - optionBytes + first.maxOutputTokens
    const limit = choice.model.contextSize
    if (tokens > limit) throw new Refusal('context_exceeded', { tokens, limit })
  }
  return {
    priceNanos: holdBound(bounded),
    costNanos: holdBound(bounded.map((one) => ({ ...one, price: one.cost }))),
    tokens: Math.max(...bounded.map((one) => promptBound(one) + one.maxOutputTokens)),
  }
}

/** What we count ourselves where the provider does not say: never more than the bound. */
export async function countedUsage(
  { tokenCounter }: Pick<Deps, 'tokenCounter'>,
  { encoding, framing }: ModelInput,
  { messages, options }: Prompt,
  text: string,
): Promise<{ readonly exact: boolean; readonly quantities: TokenQuantities }> {
  await tokenCounter.load(encoding)
  const exact = encoding !== 'bytes'
  // About four bytes a token, where the encoding is not known.
  const count = (words: string) =>
    exact ? tokenCounter.count(encoding, words) : Math.ceil(Buffer.byteLength(words) / 4)
  const prompt = messages.reduce((sum, message) => sum + count(wordsOf(message)), 0)
  const wanted = options === undefined ? 0 : count(JSON.stringify(options))
  const framed = prompt + wanted + framing.perMessage * messages.length + framing.perRequest
  const quantities = { input_uncached: framed, input_cached: 0, output: count(text), reasoning: 0 }
  return { exact, quantities }
}
