/**
 * A provider's model as the seller offers it. Publishing follows, never edits: an identical text is no
 * news. `modelId` derives from the name, so that an agent's model is found without a view.
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
/** undefined: nothing was ever published under this id. */
export type ModelState = Model | undefined

export type ModelCommand =
  | ({ readonly type: 'PublishModel'; readonly modelId: string; readonly at: string } & ModelInput)
  | { readonly type: 'RetireModel'; readonly at: string }

/** The terms under which a new call may go to the model. @throws Refusal model_not_found, model_retired */
export function usableModel(state: ModelState, name: string): Model {
  if (!state) throw new Refusal('model_not_found', { model: name })
  if (state.retired) throw new Refusal('model_retired', { model: name })
  return state
}

function decide(command: ModelCommand, state: ModelState): readonly ModelEvent[] {
  switch (command.type) {
    case 'PublishModel': {
      const { type: _type, modelId, at, ...terms } = command
      if (state && !state.retired && same(state.terms, terms)) return []
      const version = (state?.version ?? 0) + 1
      return [{ type: 'ModelPublished', data: { modelId, version, ...terms, at } }]
    }
    case 'RetireModel': {
      if (!state) throw new Refusal('model_not_found')
      const { modelId } = state
      return state.retired ? [] : [{ type: 'ModelRetired', data: { modelId, at: command.at } }]
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
      return state && { ...state, retired: true }
  }
}

export const model: Decider<ModelState, ModelCommand, ModelEvent> = {
  category: 'model',
  initial: () => undefined,
  decide,
  evolve,
}
