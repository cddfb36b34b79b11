/**
 * What a name of the model list means: a model, or an alias of one. Read from the streams, since money
 * follows from it. An alias counts only while its model lists it: taking it and publishing are two
 * appends, and what a crash leaves between them must not name anything.
 */
import { isAlias, model, type Model, type ModelState } from '../../domain/model/model.ts'
import type { Deps } from '../deps.ts'
import { modelIdOf } from './model-id.ts'

type ModelDeps = Pick<Deps, 'streams' | 'ids'>

export const stateOfName = async ({ streams, ids }: ModelDeps, name: string): Promise<ModelState> =>
  (await streams.load(model, modelIdOf(ids, name))).state

/** The model that a name or an alias means, retired or not; undefined: none. */
export async function namedModel(deps: ModelDeps, name: string): Promise<Model | undefined> {
  const state = await stateOfName(deps, name)
  if (!isAlias(state)) return state
  const meant = await stateOfName(deps, state.model)
  return !isAlias(meant) && meant?.terms.aliases?.includes(name) ? meant : undefined
}

export interface NamedForClients {
  /** Our name of the model. */
  readonly model: string
  /** Slug of the platform's agent that answers whoever asks for it at /v1, where it names one. */
  readonly agent: string | undefined
}

/**
 * For the door where clients ask for models by name: which model, and which agent answers for it.
 * undefined: no model that takes calls has the name.
 */
export async function resolveAlias(
  deps: ModelDeps,
  name: string,
): Promise<NamedForClients | undefined> {
  const found = await namedModel(deps, name)
  if (!found || found.retired) return undefined
  return { model: found.terms.name, agent: found.terms.agent }
}
