/** A model, prices and a plan with included credit and a trial, as an administrator publishes them. */
import { publishModel } from '../../src/commands/model/publish-model.ts'
import { publishPlan } from '../../src/commands/plan/publish-plan.ts'
import { publishPriceList } from '../../src/commands/price-list/publish-price-list.ts'
import type { PlanInput } from '../../src/domain/plan/events.ts'
import type { TestApp } from './app.ts'
import { defaultPrice, prices } from './funded.ts'
import { operatorRoot } from './seed.ts'

const planOf = (slug: string, priceListId: string): PlanInput => ({
  name: slug,
  slug,
  prices: { priceListId },
  includedCredit: { amountNanos: '5000000', kind: 'included', period: 'month' },
  trial: { amountNanos: '7000000', days: 14 },
  graceDays: 0,
  free: true,
  agents: 'all',
  limits: {},
  selfSubscribe: true,
})

/** Everybody starts on the plan `free`. Answers the id of the plan. */
export async function publishTerms({ app: { deps } }: TestApp, slug = 'free'): Promise<string> {
  await publishModel(deps, operatorRoot(deps), {
    name: 'test-model',
    provider: 'openai',
    contextSize: 128_000,
    maxOutput: 16_000,
    // Quick to load in each new process.
    encoding: 'bytes',
    parameters: { maxTokens: 'max_completion_tokens', temperature: true },
    framing: { perMessage: 4, perRequest: 3 },
  })
  const { id } = await publishPriceList(deps, operatorRoot(deps), {
    name: `Prices of ${slug}`,
    entries: [
      { model: 'test-model', cost: prices(500_000_000n, 1_000_000_000n), price: defaultPrice },
    ],
  })
  return (await publishPlan(deps, operatorRoot(deps), planOf(slug, id))).id
}
