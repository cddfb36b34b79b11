// A name is a model or an alias of one, never both, and never means two models.
import { describe, expect, it } from 'vitest'
import { modelEvents, modelInput, type ModelInput } from '../../../src/domain/model/events.ts'
import { isAlias, model, type ModelCommand, modelIn } from '../../../src/domain/model/model.ts'
import { idOf, minute } from '../../support/account-commands.ts'
import { given, stateOf } from '../../support/decider.ts'

const terms: ModelInput = {
  name: 'one',
  provider: 'openai',
  contextSize: 8_000,
  maxOutput: 1_000,
  encoding: 'bytes',
  parameters: { maxTokens: 'max_tokens', temperature: true },
  framing: { perMessage: 4, perRequest: 3 },
}
const publish: ModelCommand = {
  type: 'PublishModel',
  modelId: idOf('model', 1),
  at: minute(0),
  ...terms,
}
const claim = (name: string, from?: string): ModelCommand => ({
  type: 'ClaimAlias',
  alias: 'fast',
  model: name,
  ...(from === undefined ? {} : { from }),
  at: minute(1),
})
const claimed = given(model, []).when(claim('one')).events()

describe('an alias', () => {
  it('is claimed once', () => {
    modelEvents.ModelAliasClaimed.schema.parse(claimed[0]?.data)
    given(model, claimed).when(claim('one')).thenNothing()
    given(model, claimed).when(claim('two')).thenRefused('model_name_taken')
  })

  it('is taken over from the model that has it and no longer lists it, and from no other', () => {
    given(model, claimed).when(claim('two', 'three')).thenRefused('model_name_taken')
    const over = given(model, claimed).when(claim('two', 'one')).events()
    expect(stateOf(model, [...claimed, ...over])).toEqual({ alias: 'fast', model: 'two' })
  })

  it('is no model: it is not published, and takes no end', () => {
    given(model, claimed).when(publish).thenRefused('model_name_taken')
    given(model, claimed)
      .when({ type: 'RetireModel', at: minute(2) })
      .thenRefused('model_not_found')
    const state = stateOf(model, claimed)
    expect([isAlias(state), modelIn(state)]).toEqual([true, undefined])
  })

  it('is no name of a model', () => {
    const published = given(model, []).when(publish).events()
    given(model, published).when(claim('two')).thenRefused('model_name_taken')
    given(model, published).when(claim('two', 'one')).thenRefused('model_name_taken')
    given(model, [])
      .when({ ...publish, aliases: ['one'] })
      .thenRefused('model_name_taken')
  })
})

it('takes no header that the server sets itself, whatever its case', () => {
  const accepts = (name: string) =>
    modelInput.safeParse({ ...terms, headers: { [name]: 'x' } }).success
  expect(['x-title', 'http-referer', 'openai-organization'].map(accepts)).toEqual([
    true,
    true,
    true,
  ])
  const ours = ['authorization', 'api-key', 'host', 'cookie', 'content-type', 'transfer-encoding']
  for (const name of ours)
    for (const one of [name, name.toUpperCase()]) expect(accepts(one)).toBe(false)
})
