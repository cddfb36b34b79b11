/** `check`: whether a call could be made and sold now, and what stands in the way. */
import { z } from 'zod'
import type { App } from '../../app.ts'
import { namedModel } from '../../commands/model/named-model.ts'
import { DEFAULT_PLAN_SLUG, defaultPlan } from '../../commands/plan/default-plan.ts'
import { modelName } from '../../domain/model/events.ts'
import { usableModel } from '../../domain/model/model.ts'
import { decimalFromNanos } from '../../domain/money.ts'
import { priceList, pricesAt } from '../../domain/price-list/price-list.ts'
import { Refusal } from '../../domain/refusal.ts'
import { operation, OperationFailed } from '../operation.ts'
import { problemText } from '../problem-text.ts'

interface Finding {
  readonly part: string
  readonly ok: boolean
  readonly finding: string
}

const SEED = '`npm run daybook -- seed` publishes a starter set.'

const check = operation({
  name: 'check',
  input: z.strictObject({ model: modelName.optional() }),
  async run(app, input, tell) {
    const name = input.model ?? app.deps.settings.model.name
    let wrong = 0
    for (const look of [provider, published, plan, price]) {
      const found = await look(app, name)
      if (!found.ok) wrong++
      tell({ kind: 'row', row: { ...found } })
    }
    if (wrong > 0) throw new OperationFailed(`${name} cannot be sold yet.`)
  },
})

async function provider(app: App, name: string): Promise<Finding> {
  const { practice } = app.deps.settings.provider
  const { where: address, answer } = await app.check(name)
  const where = practice ? 'The practice model' : address
  if (answer.ok)
    return {
      part: 'provider',
      ok: true,
      finding: practice
        ? 'The practice model answers; set OPENAI_API_KEY for a real one.'
        : `${where} answers a call to ${name}.`,
    }
  const detail = answer.detail === '' ? '' : ` (${answer.detail})`
  return {
    part: `provider: ${answer.wrong}`,
    ok: false,
    finding: `${where}: ${answer.explanation}${detail}`,
  }
}

async function published({ deps }: App, name: string): Promise<Finding> {
  const found = await namedModel(deps, name)
  const finding = refusedBy(() => usableModel(found, name))
  return finding === undefined
    ? { part: 'model', ok: true, finding: `${name} is published.` }
    : { part: 'model', ok: false, finding: `${finding} ${SEED}` }
}

async function plan({ deps }: App): Promise<Finding> {
  const terms = await defaultPlan(deps)
  return terms
    ? { part: 'plan', ok: true, finding: `New people get the plan ${terms.terms.name}.` }
    : {
        part: 'plan',
        ok: false,
        finding: `No plan is called ${DEFAULT_PLAN_SLUG}: who registers cannot call. ${SEED}`,
      }
}

async function price({ deps }: App, name: string): Promise<Finding> {
  const terms = await defaultPlan(deps)
  if (!terms) return { part: 'price', ok: false, finding: 'Without a plan there is no price.' }
  const { priceListId, markUpBasisPoints } = terms.terms.prices
  const { state } = await deps.streams.load(priceList, priceListId)
  try {
    const own = (await namedModel(deps, name))?.terms.name ?? name
    const { price: per } = pricesAt(state, own, deps.clock.now().toISOString(), markUpBasisPoints)
    const figure = (nanos: string) => decimalFromNanos(BigInt(nanos)).replace(/0{1,7}$/, '')
    return {
      part: 'price',
      ok: true,
      finding: `A million tokens cost ${figure(per.input_uncached)} in, ${figure(per.output)} out (USD).`,
    }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return { part: 'price', ok: false, finding: `${sentence(error)} ${SEED}` }
  }
}

function refusedBy(ask: () => unknown): string | undefined {
  try {
    ask()
    return undefined
  } catch (error) {
    if (error instanceof Refusal) return sentence(error)
    throw error
  }
}
const sentence = (error: Refusal): string => problemText(error)?.split('\n').at(-1) ?? error.code

export const checkOperations = [check]
