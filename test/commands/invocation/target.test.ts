// A provider's key goes to the address that it was set with and nowhere else, whatever a model says.
import { describe, expect, test } from 'vitest'
import { keyState, targetOf, timeoutsOf } from '../../../src/commands/invocation/target.ts'
import type { ModelInput } from '../../../src/domain/model/events.ts'

const baseUrl = 'https://api.example.com/v1'
const provider = { baseUrl, apiKey: 'sk-secret', model: '', practice: false }
const azure = { baseUrl: 'https://own.azure.example/openai', apiKey: 'azure-secret' }
const settings = { provider, providers: { AZURE: azure } }
const model: ModelInput = {
  name: 'm-1',
  provider: 'example',
  contextSize: 8_000,
  maxOutput: 1_000,
  encoding: 'bytes',
  parameters: { maxTokens: 'max_tokens', temperature: true },
  framing: { perMessage: 4, perRequest: 3 },
}
const target = (change: Partial<ModelInput>) => targetOf(settings, { ...model, ...change })

describe("the installation's own key", () => {
  test.each([
    [{}],
    [{ keyRef: 'OPENAI_API_KEY' }],
    [{ baseUrl }],
    [{ baseUrl: 'https://api.example.com/other', keyRef: 'OPENAI_API_KEY' }],
  ])('goes to %o', (change) => {
    expect(target(change)?.apiKey).toBe('sk-secret')
    expect(keyState(settings, change)).toBe('given')
  })

  test.each([
    [{ baseUrl: 'https://evil.example.net/v1' }],
    [{ baseUrl: 'https://evil.example.net/v1', keyRef: 'OPENAI_API_KEY' }],
    [{ baseUrl: 'http://api.example.com/v1' }],
    [{ baseUrl: 'https://api.example.com:8443/v1' }],
    [{ baseUrl: 'https://api.example.com.evil.example.net/v1' }],
    [{ baseUrl: 'https://api.example.com@evil.example.net/v1' }],
  ])('does not go to %o, which is called without one', (change) => {
    expect(target(change)?.apiKey).toBe('')
    expect(keyState(settings, change)).toBe('elsewhere')
  })
})

describe("another provider's key", () => {
  test('goes with its own address, or a path of it', () => {
    expect(target({ keyRef: 'AZURE' })).toMatchObject(azure)
    const path = 'https://own.azure.example/openai/deployments/d1'
    const query = { 'api-version': '2024-10-21' }
    const change = { keyRef: 'AZURE', baseUrl: path, query, keyHeader: 'api-key' } as const
    expect(target({ ...change, providerModel: 'd1' })).toEqual({
      baseUrl: `${path}?api-version=2024-10-21`,
      apiKey: 'azure-secret',
      keyHeader: 'api-key',
      model: 'd1',
    })
  })

  test.each([
    [{ keyRef: 'AZURE', baseUrl: 'https://evil.example.net/openai' }, 'elsewhere'],
    [{ keyRef: 'AZURE', baseUrl }, 'elsewhere'],
    [{ keyRef: 'OTHER' }, 'not_set'],
    [{ keyRef: 'OTHER', baseUrl: azure.baseUrl }, 'not_set'],
  ])('%o: nothing is called at all', (change, state) => {
    expect(target(change)).toBeUndefined()
    expect(keyState(settings, change)).toBe(state)
  })
})

test('the practice model answers for all', () => {
  const practice = { ...provider, practice: true }
  const given = { provider: practice, providers: {} }
  expect(targetOf(given, { ...model, keyRef: 'AZURE' })).toBe(practice)
  expect(keyState(given, { keyRef: 'AZURE' })).toBe('given')
})

test('times are shares of the longest life of a call, and never beyond it', () => {
  const callLimitMs = 60_000
  expect(timeoutsOf({ callLimitMs }, {})).toEqual({
    connectMs: 6_000,
    firstByteMs: 15_000,
    betweenChunksMs: 7_500,
    totalMs: 60_000,
  })
  const timeouts = { connectMs: 500, firstByteMs: 120_000, totalMs: 30_000 }
  expect(timeoutsOf({ callLimitMs }, { timeouts })).toEqual({
    connectMs: 500,
    firstByteMs: 60_000,
    betweenChunksMs: 7_500,
    totalMs: 30_000,
  })
})
