/** `seed` and `… publish`: what can be sold. The files are the bodies of the administrator's endpoints. */
import { z } from 'zod'
import { createAgent } from '../../commands/agent/create-agent.ts'
import { findAgentBySlug } from '../../commands/agent/find-agent.ts'
import { moveAgentLabel } from '../../commands/agent/move-agent-label.ts'
import { publishAgentVersion } from '../../commands/agent/publish-agent-version.ts'
import { agentNames, agentVersionBody, versionOf } from '../../commands/agent/version-body.ts'
import type { Deps } from '../../commands/deps.ts'
import { modelBody, modelOf } from '../../commands/model/model-body.ts'
import { modelIdOf } from '../../commands/model/model-id.ts'
import { publishModel } from '../../commands/model/publish-model.ts'
import { planBody, planOf } from '../../commands/plan/plan-body.ts'
import { planIdOf } from '../../commands/plan/plan-id.ts'
import { publishPlan } from '../../commands/plan/publish-plan.ts'
import { priceListBody, priceListOf } from '../../commands/price-list/price-list-body.ts'
import { priceListIdOf } from '../../commands/price-list/price-list-id.ts'
import { publishPriceList } from '../../commands/price-list/publish-price-list.ts'
import type { Published } from '../../commands/published.ts'
import { DEFAULT_LABEL } from '../../domain/agent/agent.ts'
import { labelName } from '../../domain/agent/events.ts'
import { model, modelIn } from '../../domain/model/model.ts'
import { plan } from '../../domain/plan/plan.ts'
import { priceList } from '../../domain/price-list/price-list.ts'
import { operation } from '../operation.ts'
import { SOURCE, starterModels, starterPlans, starterPrices } from '../starter-set.ts'
import { operatorRoot } from './operator.ts'

type State = 'published' | 'unchanged' | 'kept'
const row = (what: string, name: string, published: Published, state?: State) => ({
  kind: 'row' as const,
  row: {
    what,
    name,
    id: published.id,
    version: published.version,
    state: state ?? (published.position === undefined ? 'unchanged' : 'published'),
  },
})

/**
 * Publishes what is not there. What the administrator has changed since is left alone, unless asked
 * otherwise: prices that were checked must not go back to those that were not.
 */
const seed = operation({
  name: 'seed',
  input: z.strictObject({ replace: z.boolean() }),
  async run({ deps }, { replace }, tell) {
    const { ids } = deps
    const one = async (
      what: string,
      name: string,
      there: Published | undefined,
      publish: () => Promise<Published>,
    ) => {
      if (there && !replace) tell(row(what, name, there, 'kept'))
      else tell(row(what, name, await publish()))
    }
    for (const body of starterModels)
      await one('model', body.name, await modelThere(deps, body.name), () =>
        publishModel(deps, operatorRoot(deps), modelOf(modelBody.parse(body))),
      )
    await one('prices', starterPrices.name, await pricesThere(deps, starterPrices.name), () =>
      publishPriceList(deps, operatorRoot(deps), priceListOf(priceListBody.parse(starterPrices))),
    )
    for (const body of starterPlans)
      await one('plan', body.slug, await planThere(deps, body.slug), () =>
        publishPlan(deps, operatorRoot(deps), planOf(ids, planBody.parse(body))),
      )
    tell({ kind: 'note', text: `\n${SOURCE}` })
  },
})

async function modelThere({ streams, ids }: Deps, name: string): Promise<Published | undefined> {
  const id = modelIdOf(ids, name)
  const found = modelIn((await streams.load(model, id)).state)
  return found && { id, version: found.version, position: undefined }
}
async function pricesThere({ streams, ids }: Deps, name: string): Promise<Published | undefined> {
  const id = priceListIdOf(ids, name)
  const { state } = await streams.load(priceList, id)
  return state && { id, version: state.versions.length, position: undefined }
}
async function planThere({ streams, ids }: Deps, slug: string): Promise<Published | undefined> {
  const id = planIdOf(ids, slug)
  const { state } = await streams.load(plan, id)
  return state && { id, version: state.versions.length, position: undefined }
}

const modelPublish = operation({
  name: 'model.publish',
  input: z.strictObject({ content: modelBody }),
  async run({ deps }, { content }, tell) {
    const published = await publishModel(deps, operatorRoot(deps), modelOf(content))
    tell(row('model', content.name, published))
    for (const text of published.warnings) tell({ kind: 'note', text })
  },
})

const pricePublish = operation({
  name: 'price.publish',
  input: z.strictObject({ content: priceListBody }),
  async run({ deps }, { content }, tell) {
    const published = await publishPriceList(deps, operatorRoot(deps), priceListOf(content))
    tell(row('prices', content.name, published))
  },
})

const planPublish = operation({
  name: 'plan.publish',
  input: z.strictObject({ content: planBody }),
  async run({ deps }, { content }, tell) {
    const published = await publishPlan(deps, operatorRoot(deps), planOf(deps.ids, content))
    tell(row('plan', content.slug, published))
  },
})

const OWNER = 'platform'

const agentPublish = operation({
  name: 'agent.publish',
  input: z.strictObject({
    content: agentVersionBody.extend(agentNames),
    label: labelName.optional(),
  }),
  async run({ deps }, { content: { slug, name, ...body }, label }, tell) {
    const root = operatorRoot(deps)
    const version = versionOf(body)
    const known = await findAgentBySlug(deps, OWNER, slug)
    const done = known
      ? await publishAgentVersion(deps, root, { agentId: known.agentId, version })
      : await createAgent(deps, root, { owner: OWNER, slug, name, version })
    const { agentId } = done.agent
    const latest = done.published?.version ?? done.agent.versions.length
    const { position } = done
    if (label !== undefined) await moveAgentLabel(deps, root, { agentId, label, version: latest })
    tell(row('agent', slug, { id: agentId, version: latest, position }))
    const serving = done.agent.labels.get(DEFAULT_LABEL)
    if (label === undefined && serving !== undefined && serving !== latest)
      tell({
        kind: 'note',
        text: `Calls still get version ${serving}; \`--label ${DEFAULT_LABEL}\` gives them this one.`,
      })
  },
})

export const catalogueOperations = [seed, modelPublish, pricePublish, planPublish, agentPublish]
