/**
 * A provider's model as the seller offers it. Publishing follows, never edits: an identical text is no
 * news. `modelId` derives from the name, so that an agent's model is found without a view. A name is a
 * model or an alias, never both: its one stream decides.
 */
import type { Decider } from '../decider.ts'
import { Refusal } from '../refusal.ts'
import { same } from '../same.ts'
import type { ModelEvent, ModelInput } from './events.ts'

export interface Model {
  readonly modelId: string
  readonly version: number
  readonly terms: ModelInput
  readonly retired: boolean
}
/** A name that means a model, if that lists it among its aliases. */
export interface ModelAlias {
  readonly alias: string
  /** Name of the model. */
  readonly model: string
}
/** undefined: the name means nothing. */
export type ModelState = Model | ModelAlias | undefined

export type ModelCommand =
  | ({ readonly type: 'PublishModel'; readonly modelId: string; readonly at: string } & ModelInput)
  | { readonly type: 'RetireModel'; readonly at: string }
  /** `from`: the model that has the name and no longer lists it. */
  | {
      readonly type: 'ClaimAlias'
      readonly alias: string
      readonly model: string
      readonly from?: string
      readonly at: string
    }

export const isAlias = (state: ModelState): state is ModelAlias =>
  state !== undefined && 'alias' in state

/** The model of this very name. */
export const modelIn = (state: ModelState): Model | undefined =>
  isAlias(state) ? undefined : state

/** The terms under which a new call may go to the model. @throws Refusal model_not_found, model_retired */
export function usableModel(state: Model | undefined, name: string): Model {
  if (!state) throw new Refusal('model_not_found', { model: name })
  if (state.retired) throw new Refusal('model_retired', { model: name })
  return state
}

function decide(command: ModelCommand, state: ModelState): readonly ModelEvent[] {
  switch (command.type) {
    case 'PublishModel': {
      const { type: _type, modelId, at, ...terms } = command
      if (isAlias(state))
        throw new Refusal('model_name_taken', { name: terms.name, model: state.model })
      if (terms.aliases?.includes(terms.name))
        throw new Refusal('model_name_taken', { name: terms.name, model: terms.name })
      if (state && !state.retired && same(state.terms, terms)) return []
      const version = (state?.version ?? 0) + 1
      return [{ type: 'ModelPublished', data: { modelId, version, ...terms, at } }]
    }
    case 'RetireModel': {
      const found = modelIn(state)
      if (!found) throw new Refusal('model_not_found')
      const { modelId } = found
      return found.retired ? [] : [{ type: 'ModelRetired', data: { modelId, at: command.at } }]
    }
    case 'ClaimAlias': {
      const { alias, model: name, from, at } = command
      if (isAlias(state) && state.model === name) return []
      if (state && !(isAlias(state) && state.model === from))
        throw new Refusal('model_name_taken', {
          name: alias,
          model: isAlias(state) ? state.model : alias,
        })
      return [{ type: 'ModelAliasClaimed', data: { alias, model: name, at } }]
    }
  }
}

function evolve(state: ModelState, { type, data }: ModelEvent): ModelState {
  switch (type) {
    case 'ModelPublished': {
      const { modelId, version, at: _at, ...terms } = data
      return { modelId, version, terms, retired: false }
    }
    case 'ModelRetired':
      return state && !isAlias(state) ? { ...state, retired: true } : state
    case 'ModelAliasClaimed':
      return { alias: data.alias, model: data.model }
  }
}

export const model: Decider<ModelState, ModelCommand, ModelEvent> = {
  category: 'model',
  initial: () => undefined,
  decide,
  evolve,
}
