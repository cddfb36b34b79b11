/**
 * What `seed` publishes, so that a new installation can sell something: OpenAI's models as they are
 * publicly listed, the practice model, prices and two plans. Figures age: they are dated, and whoever
 * sells must check them first. Written as people write files for `model`, `price` and `plan publish`.
 */
import type { z } from 'zod'
import type { modelBody } from '../commands/model/model-body.ts'
import type { planBody } from '../commands/plan/plan-body.ts'
import { DEFAULT_PLAN_SLUG } from '../commands/plan/default-plan.ts'
import type { priceListBody } from '../commands/price-list/price-list-body.ts'
import { decimalFromNanos, nanosFromDecimal } from '../domain/money.ts'

export const AS_OF = '2025-08'
export const SOURCE =
  `Costs: OpenAI's public price list (openai.com/api/pricing, standard tier) as of ${AS_OF}. ` +
  'Prices: cost and 25 percent more. Check both before you sell.'

/** Hundredths of a percent on top of the cost. */
const MARK_UP = 2_500n
const PRICE_LIST = 'Starter prices'

interface Listed {
  readonly name: string
  readonly provider: string
  readonly contextSize: number
  readonly maxOutput: number
  /** Thinks before it answers: takes no temperature, and names its limit otherwise. */
  readonly reasons: boolean
  /** USD per million tokens: new input, cached input, output (thinking counts as output). */
  readonly cost: readonly [input: string, cached: string, output: string]
}

const openai = (
  name: string,
  [contextSize, maxOutput]: readonly [number, number],
  reasons: boolean,
  cost: Listed['cost'],
): Listed => ({ name, provider: 'openai', contextSize, maxOutput, reasons, cost })

const GPT_5 = [400_000, 128_000] as const
const GPT_4_1 = [1_047_576, 32_768] as const
const GPT_4O = [128_000, 16_384] as const
const O_SERIES = [200_000, 100_000] as const

const listed: readonly Listed[] = [
  openai('gpt-5', GPT_5, true, ['1.25', '0.125', '10.00']),
  openai('gpt-5-mini', GPT_5, true, ['0.25', '0.025', '2.00']),
  openai('gpt-5-nano', GPT_5, true, ['0.05', '0.005', '0.40']),
  openai('gpt-4.1', GPT_4_1, false, ['2.00', '0.50', '8.00']),
  openai('gpt-4.1-mini', GPT_4_1, false, ['0.40', '0.10', '1.60']),
  openai('gpt-4.1-nano', GPT_4_1, false, ['0.10', '0.025', '0.40']),
  openai('gpt-4o', GPT_4O, false, ['2.50', '1.25', '10.00']),
  openai('gpt-4o-mini', GPT_4O, false, ['0.15', '0.075', '0.60']),
  openai('o3', O_SERIES, true, ['2.00', '0.50', '8.00']),
  openai('o4-mini', O_SERIES, true, ['1.10', '0.275', '4.40']),
  // Costs nobody anything; it has prices so that the books show money when Daybook is tried.
  {
    name: 'practice-1',
    provider: 'practice',
    contextSize: 128_000,
    maxOutput: 16_384,
    reasons: false,
    cost: ['0.10', '0.01', '0.40'],
  },
]

export const starterModels: readonly z.input<typeof modelBody>[] = listed.map((one) => ({
  name: one.name,
  provider: one.provider,
  context_size: one.contextSize,
  max_output: one.maxOutput,
  encoding: 'o200k_base',
  parameters: {
    max_tokens: one.reasons ? 'max_completion_tokens' : 'max_tokens',
    temperature: !one.reasons,
  },
  // Measured: 3 for each message and 3 before the answer; one more for the name of a role.
  framing: { per_message: 4, per_request: 4 },
}))

const marked = (cost: string): string =>
  decimalFromNanos((nanosFromDecimal(cost) * (10_000n + MARK_UP) + 5_000n) / 10_000n)

const perMillion = ([input, cached, output]: Listed['cost'], of: (cost: string) => string) => ({
  input_uncached: of(input),
  input_cached: of(cached),
  output: of(output),
  reasoning: of(output),
})

export const starterPrices: z.input<typeof priceListBody> = {
  name: PRICE_LIST,
  source: SOURCE,
  entries: listed.map(({ name, cost }) => ({
    model: name,
    cost: perMillion(cost, (figure) => figure),
    price: perMillion(cost, marked),
  })),
}

export const starterPlans: readonly z.input<typeof planBody>[] = [
  {
    name: 'Free',
    slug: DEFAULT_PLAN_SLUG,
    prices: { price_list: PRICE_LIST },
    // At once, also for an address that nobody has proven: no more than to try it.
    included_credit: { amount: '0.10', kind: 'included', period: 'month' },
    trial: { amount: '1.00', days: 30 },
    grace_days: 0,
    free: true,
    agents: 'all',
    limits: { requests_per_minute: 120, invocations_per_minute: 30, concurrent_invocations: 4 },
    self_subscribe: true,
  },
  {
    name: 'Pro',
    slug: 'pro',
    prices: { price_list: PRICE_LIST },
    included_credit: { amount: '20.00', kind: 'included', period: 'month' },
    grace_days: 7,
    free: false,
    agents: 'all',
    limits: { requests_per_minute: 1_200, invocations_per_minute: 300, concurrent_invocations: 32 },
    self_subscribe: true,
  },
]
