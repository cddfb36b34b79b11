/** A model that calls may go to, from now on under these terms. The identical text again is no news. */
import type { ModelInput } from '../../domain/model/events.ts'
import { model } from '../../domain/model/model.ts'
import { type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'
import type { Published } from '../published.ts'
import { assertSameWish } from '../same-wish.ts'
import { modelIdOf } from './model-id.ts'

export async function publishModel(
  deps: Pick<Deps, 'streams' | 'ids' | 'counters' | 'logger' | 'clock'>,
  root: Root,
  terms: ModelInput,
): Promise<Published> {
  const { streams, ids } = deps
  await assertSameWish(deps, root)
  const modelId = modelIdOf(ids, terms.name)
  const command = { type: 'PublishModel', modelId, ...terms, at: root.at } as const
  const done = await streams.transact(model, modelId, command, step(ids, root, 'publish'))
  return { id: modelId, version: done.state?.version ?? 1, position: done.position }
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
