// A model's published terms follow each other; the same terms again are no news, a retired model takes no call.
import { expect, it } from 'vitest'
import { modelEvents, modelInput, type ModelInput } from '../../../src/domain/model/events.ts'
import { model, type ModelCommand, modelIn, usableModel } from '../../../src/domain/model/model.ts'
import { idOf, minute } from '../../support/account-commands.ts'
import { given, stateOf } from '../../support/decider.ts'

const terms: ModelInput = {
  name: 'gpt-5-mini',
  provider: 'openai',
  contextSize: 400_000,
  maxOutput: 128_000,
  encoding: 'o200k_base',
  parameters: { maxTokens: 'max_completion_tokens', temperature: false },
  framing: { perMessage: 4, perRequest: 3 },
}
const publish = (more: Partial<ModelInput> = {}): ModelCommand => ({
  type: 'PublishModel',
  modelId: idOf('model', 1),
  at: minute(0),
  ...terms,
  ...more,
})
const retire: ModelCommand = { type: 'RetireModel', at: minute(1) }

it('counts versions up, and not for the same terms in another order', () => {
  const first = given(model, []).when(publish()).events()
  modelEvents.ModelPublished.schema.parse(first[0]?.data)
  const reordered = Object.fromEntries(Object.entries(publish()).toReversed()) as ModelCommand
  given(model, first).when(reordered).thenNothing()
  const second = given(model, first)
    .when(publish({ maxOutput: 64_000 }))
    .events()
  expect(second[0]?.data).toMatchObject({ version: 2, maxOutput: 64_000 })
  expect(
    given(model, first)
      .when(publish({ baseUrl: 'https://llm.example.com/v1' }))
      .events(),
  ).toHaveLength(1)
})

it('takes no call once retired, until it is published again', () => {
  given(model, []).when(retire).thenRefused('model_not_found')
  const retired = [
    ...given(model, []).when(publish()).events(),
    ...given(model, given(model, []).when(publish()).events()).when(retire).events(),
  ]
  given(model, retired).when(retire).thenNothing()
  const usable = (events: typeof retired) =>
    usableModel(modelIn(stateOf(model, events)), 'gpt-5-mini')
  expect(() => usable([])).toThrow('model_not_found')
  expect(() => usable(retired)).toThrow('model_retired')
  const again = [...retired, ...given(model, retired).when(publish()).events()]
  expect(usable(again)).toMatchObject({ version: 2, retired: false, terms })
})

it('never holds a key, only the name of its setting', () => {
  expect(modelInput.safeParse({ ...terms, keyRef: 'OPENAI_API_KEY' }).success).toBe(true)
  expect(modelInput.safeParse({ ...terms, keyRef: 'sk-proj-abc' }).success).toBe(false)
})
