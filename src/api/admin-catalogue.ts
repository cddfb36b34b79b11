/** Models, price lists and plans: published by the administrator, listed with their present terms. */
import { z } from 'zod'
import type { Deps } from '../commands/deps.ts'
import { bodyOf, modelBody, modelOf } from '../commands/model/model-body.ts'
import { publishModel, retireModel } from '../commands/model/publish-model.ts'
import { planBody, planOf } from '../commands/plan/plan-body.ts'
import { publishPlan, retirePlan } from '../commands/plan/publish-plan.ts'
import { priceListBody, priceListOf } from '../commands/price-list/price-list-body.ts'
import { publishPriceList } from '../commands/price-list/publish-price-list.ts'
import type { Published } from '../commands/published.ts'
import { idSchema, type Noun } from '../domain/ids.ts'
import { modelName } from '../domain/model/events.ts'
import { model, type Model, modelIn } from '../domain/model/model.ts'
import { tokenClasses, type TokenPrices } from '../domain/money.ts'
import { plan, termsOf } from '../domain/plan/plan.ts'
import { type PriceListVersion, priceList, versionAt } from '../domain/price-list/price-list.ts'
import { type CatalogueKind, listCatalogue } from '../projections/catalogue.ts'
import { planSchema, showPlan } from './billing-schemas.ts'
import { listPage, type PageQuery, pageOf, pageQuery } from './pages.ts'
import { type AnyRoute, type Answer, route } from './route.ts'
import { moneyOf, moneySchema, timeSchema } from './schemas.ts'

const tag = 'admin'
const access = (resource: string, action: string) =>
  ({ actor: 'administrator', resource, action, limits: ['request'] }) as const

const publishedSchema = (noun: Noun) => z.strictObject({ id: idSchema(noun), version: z.int() })
const publishing = (noun: Noun) => ({
  200: {
    description: 'Published already: the identical text adds nothing.',
    schema: publishedSchema(noun),
  },
  201: { description: 'Published.', schema: publishedSchema(noun) },
})
const publishedAnswer = ({ id, version, position }: Published): Answer => ({
  status: position === undefined ? 200 : 201,
  body: { id, version },
  position,
})

/** A page of a kind; `show` reads the terms from the stream. */
const list = async <Item>(
  deps: Deps,
  kind: CatalogueKind,
  query: PageQuery,
  show: (id: string) => Promise<Item | undefined>,
): Promise<Answer> => {
  const page = await listPage(
    deps,
    ['admin', kind],
    query,
    (wanted) => listCatalogue(deps.views, kind, wanted),
    ({ id }) => show(id),
  )
  return { body: { ...page, items: page.items.filter((one) => one !== undefined) } }
}

export const catalogueRoutes = (deps: Deps): AnyRoute[] => [
  ...planRoutes(deps),
  ...priceListRoutes(deps),
  ...modelRoutes(deps),
]

const planRoutes = (deps: Deps): AnyRoute[] => [
  route({
    method: 'POST',
    path: '/admin/plans',
    tag,
    summary: 'Publish a plan, or its next version',
    description:
      'The slug names the plan. Who has it keeps the version they took. Everybody who registers ' +
      'starts on the plan `free`.',
    access: access('plan', 'publish'),
    body: planBody,
    answers: publishing('plan'),
    problems: ['price_list_not_found'],
    handler: async ({ body, root }) =>
      publishedAnswer(await publishPlan(deps, root, planOf(deps.ids, body))),
  }),
  route({
    method: 'GET',
    path: '/admin/plans',
    tag,
    summary: 'Every plan with its newest terms, by slug',
    access: access('plan', 'list'),
    query: z.strictObject(pageQuery),
    answers: { 200: { description: 'A page of plans.', schema: pageOf(planSchema) } },
    reads: true,
    handler: ({ query }) =>
      list(deps, 'plan', query, async (id) => {
        const { state } = await deps.streams.load(plan, id)
        const terms = termsOf(state)
        return state && terms && showPlan(terms, state.retired)
      }),
  }),
  route({
    method: 'POST',
    path: '/admin/plans/{id}/retire',
    tag,
    summary: 'Let nobody new take a plan',
    access: access('plan', 'retire'),
    params: z.strictObject({ id: idSchema('plan') }),
    answers: { 204: { description: 'Retired; who has it keeps it.' } },
    problems: ['plan_not_found'],
    handler: ({ params: { id }, root }) => retirePlan(deps, root, id),
  }),
]

const pricesSchema = z.strictObject(
  Object.fromEntries(tokenClasses.map((one) => [one, moneySchema])),
)
const priceListSchema = z
  .strictObject({
    id: idSchema('priceList'),
    name: z.string(),
    versions: z.int(),
    in_force: z.nullable(z.int()).meta({ description: 'The version that applies now.' }),
    newest: z.strictObject({
      version: z.int(),
      effective_from: timeSchema,
      source: z.nullable(z.string()),
      entries: z.array(
        z.strictObject({ model: modelName, cost: pricesSchema, price: pricesSchema }),
      ),
    }),
  })
  .meta({ id: 'PriceList', description: 'Figures are for a million tokens.' })

const showPrices = (prices: TokenPrices) =>
  Object.fromEntries(tokenClasses.map((one) => [one, moneyOf(prices[one])]))
const showVersion = ({ version, effectiveFrom, source, entries }: PriceListVersion) => ({
  version,
  effective_from: effectiveFrom,
  source: source ?? null,
  entries: entries.map(({ model: name, cost, price }) => ({
    model: name,
    cost: showPrices(cost),
    price: showPrices(price),
  })),
})

const priceListRoutes = (deps: Deps): AnyRoute[] => [
  route({
    method: 'POST',
    path: '/admin/price-lists',
    tag,
    summary: 'Publish prices, or their next version',
    description: 'In USD per million tokens. Past calls keep the prices of their hold.',
    access: access('price_list', 'publish'),
    body: priceListBody,
    answers: publishing('priceList'),
    handler: async ({ body, root }) =>
      publishedAnswer(await publishPriceList(deps, root, priceListOf(body))),
  }),
  route({
    method: 'GET',
    path: '/admin/price-lists',
    tag,
    summary: 'Every price list with its newest version, by name',
    access: access('price_list', 'list'),
    query: z.strictObject(pageQuery),
    answers: { 200: { description: 'A page of price lists.', schema: pageOf(priceListSchema) } },
    reads: true,
    handler: ({ query, root }) =>
      list(deps, 'priceList', query, async (id) => {
        const { state } = await deps.streams.load(priceList, id)
        const newest = state?.versions.at(-1)
        return (
          state &&
          newest && {
            id,
            name: newest.name,
            versions: state.versions.length,
            in_force: versionAt(state, root.at)?.version ?? null,
            newest: showVersion(newest),
          }
        )
      }),
  }),
]

const modelSchema = modelBody
  .extend({ id: idSchema('model'), version: z.int(), retired: z.boolean() })
  .meta({ id: 'Model' })

const publishedModelSchema = publishedSchema('model').extend({
  warnings: z.exactOptional(z.array(z.string())).meta({
    description:
      'Why this process could not call it as things are. Others may have other settings.',
  }),
})

const showModel = ({ modelId, version, retired, terms }: Model): z.output<typeof modelSchema> => ({
  id: modelId,
  version,
  retired,
  ...bodyOf(terms),
})

const modelRoutes = (deps: Deps): AnyRoute[] => [
  route({
    method: 'POST',
    path: '/admin/models',
    tag,
    summary: 'Publish a model, or its next version',
    description: 'A call also needs a price: publish it in a price list.',
    access: access('model', 'publish'),
    body: modelBody,
    answers: {
      200: { ...publishing('model')[200], schema: publishedModelSchema },
      201: { ...publishing('model')[201], schema: publishedModelSchema },
    },
    problems: ['model_name_taken'],
    handler: async ({ body, root }) => {
      const published = await publishModel(deps, root, modelOf(body))
      const answer = publishedAnswer(published)
      const { id, version, warnings } = published
      return { ...answer, body: { id, version, ...(warnings.length > 0 && { warnings }) } }
    },
  }),
  route({
    method: 'GET',
    path: '/admin/models',
    tag,
    summary: 'Every model, by name',
    access: access('model', 'list'),
    query: z.strictObject(pageQuery),
    answers: { 200: { description: 'A page of models.', schema: pageOf(modelSchema) } },
    reads: true,
    handler: ({ query }) =>
      list(deps, 'model', query, async (id) => {
        const found = modelIn((await deps.streams.load(model, id)).state)
        return found && showModel(found)
      }),
  }),
  route({
    method: 'POST',
    path: '/admin/models/{id}/retire',
    tag,
    summary: 'Let no new call go to a model',
    access: access('model', 'retire'),
    params: z.strictObject({ id: idSchema('model') }),
    answers: { 204: { description: 'Retired.' } },
    problems: ['model_not_found'],
    handler: ({ params: { id }, root }) => retireModel(deps, root, id),
  }),
]
