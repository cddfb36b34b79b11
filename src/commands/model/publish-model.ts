/**
 * A model that calls may go to, from now on under these terms. The identical text again is no news. Each
 * alias is taken first, in the stream of its name, so that no name ever means two models; what a crash
 * leaves names nothing, and a repeat goes on from there.
 */
import type { ModelInput } from '../../domain/model/events.ts'
import { isAlias, model, modelIn } from '../../domain/model/model.ts'
import { Refusal } from '../../domain/refusal.ts'
import { slugText } from '../../domain/slug-claim/events.ts'
import { findAgentBySlug } from '../agent/find-agent.ts'
import { type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'
import type { Published } from '../published.ts'
import { assertSameWish } from '../same-wish.ts'
import { warningsOf } from './missing-keys.ts'
import { modelIdOf } from './model-id.ts'
import { stateOfName } from './named-model.ts'

export interface PublishedModel extends Published {
  /** What the publisher should know: the model cannot be called from here as things are. */
  readonly warnings: readonly string[]
}

type PublishDeps = Pick<Deps, 'streams' | 'ids' | 'counters' | 'logger' | 'clock' | 'settings'>

/** @throws Refusal model_name_taken */
export async function publishModel(
  deps: PublishDeps,
  root: Root,
  terms: ModelInput,
): Promise<PublishedModel> {
  const { streams, ids } = deps
  await assertSameWish(deps, root)
  const modelId = modelIdOf(ids, terms.name)
  const command = { type: 'PublishModel', modelId, ...terms, at: root.at } as const
  // What cannot be published must take no name.
  model.decide(command, await stateOfName(deps, terms.name))
  for (const alias of terms.aliases ?? []) await claimAlias(deps, root, alias, terms.name)
  const done = await streams.transact(model, modelId, command, step(ids, root, 'publish'))
  const warnings = warningsOf(deps.settings, terms)
  for (const warning of warnings) deps.logger.warn({ model: terms.name }, warning)
  const version = modelIn(done.state)?.version ?? 1
  return { id: modelId, version, position: done.position, warnings }
}

async function claimAlias(
  deps: PublishDeps,
  root: Root,
  alias: string,
  name: string,
): Promise<void> {
  const { streams, ids } = deps
  // Clients ask for agents by their slugs where they ask for models.
  if (slugText.safeParse(alias).success && (await findAgentBySlug(deps, 'platform', alias)))
    throw new Refusal('model_name_taken', { name: alias, agent: alias })
  const state = await stateOfName(deps, alias)
  const holder = isAlias(state) ? modelIn(await stateOfName(deps, state.model)) : undefined
  const given = isAlias(state) && !holder?.terms.aliases?.includes(alias)
  const command = {
    type: 'ClaimAlias',
    alias,
    model: name,
    ...(given ? { from: state.model } : {}),
    at: root.at,
  } as const
  await streams.transact(model, modelIdOf(ids, alias), command, step(ids, root, `alias:${alias}`))
}

/** No new call goes to the model. @throws Refusal model_not_found */
export async function retireModel(
  { streams, ids }: Pick<Deps, 'streams' | 'ids'>,
  root: Root,
  modelId: string,
): Promise<{ position: bigint | undefined }> {
  const command = { type: 'RetireModel', at: root.at } as const
  const { position } = await streams.transact(model, modelId, command, step(ids, root, 'retire'))
  return { position }
}
