/**
 * The upper bound that a hold reserves: what the call can cost the buyer at most, at the dearest model
 * of the chain, rounded up. Whatever a provider reports within the counted prompt and the allowed output
 * is priced at or below it; a report beyond it is the seller's loss.
 */
import { maxNanos, type TokenPrices } from '../money.ts'

const TOKENS_PER_PRICE = 1_000_000n

export interface BoundedModel {
  /** Tokens (or, where the encoding is unknown, bytes) of the serialised messages. */
  readonly promptTokens: number
  /** How many messages they are. */
  readonly messages: number
  /** What the provider adds around messages, as the model says. */
  readonly framing: { readonly perMessage: number; readonly perRequest: number }
  /** Visible and reasoning tokens together. */
  readonly maxOutputTokens: number
  readonly price: TokenPrices
}

/** The most prompt tokens that this model can report. */
export const promptBound = ({
  promptTokens,
  messages,
  framing,
}: Pick<BoundedModel, 'promptTokens' | 'messages' | 'framing'>): number =>
  promptTokens + framing.perMessage * messages + framing.perRequest

/** nano-USD. The chain is never empty: no model, no call. */
export const holdBound = (chain: readonly BoundedModel[]): bigint =>
  chain.map(boundOf).reduce(maxNanos, 0n)

function boundOf(model: BoundedModel): bigint {
  const { price } = model
  // Which tokens come from a cache or go into reasoning is the provider's to say: take the dearer class.
  const input = maxNanos(BigInt(price.input_uncached), BigInt(price.input_cached))
  const output = maxNanos(BigInt(price.output), BigInt(price.reasoning))
  const total = BigInt(promptBound(model)) * input + BigInt(model.maxOutputTokens) * output
  return (total + TOKENS_PER_PRICE - 1n) / TOKENS_PER_PRICE
}
