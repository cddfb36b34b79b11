// The provider's key goes to the address that it was set with and nowhere else, whatever a model says.
import { expect, test } from 'vitest'
import { targetOf } from '../../../src/commands/invocation/terms.ts'
import type { ModelInput } from '../../../src/domain/model/events.ts'

const baseUrl = 'https://api.example.com/v1'
const provider = { baseUrl, apiKey: 'sk-secret', model: '', practice: false }
const model: ModelInput = {
  name: 'm-1',
  provider: 'example',
  contextSize: 8_000,
  maxOutput: 1_000,
  encoding: 'bytes',
  parameters: { maxTokens: 'max_tokens', temperature: true },
  framing: { perMessage: 4, perRequest: 3 },
}
const keyOf = (change: Partial<ModelInput>) =>
  targetOf({ provider } as Parameters<typeof targetOf>[0], { ...model, ...change }).apiKey

test.each([
  [{}],
  [{ keyRef: 'OPENAI_API_KEY' }],
  [{ baseUrl }],
  [{ baseUrl: 'https://api.example.com/other', keyRef: 'OPENAI_API_KEY' }],
])('ours: %o', (change) => {
  expect(keyOf(change)).toBe('sk-secret')
})

test.each([
  [{ baseUrl: 'https://evil.example.net/v1' }],
  [{ baseUrl: 'https://evil.example.net/v1', keyRef: 'OPENAI_API_KEY' }],
  [{ baseUrl: 'http://api.example.com/v1' }],
  [{ baseUrl: 'https://api.example.com:8443/v1' }],
  [{ baseUrl: 'https://api.example.com.evil.example.net/v1' }],
  [{ baseUrl: 'https://api.example.com@evil.example.net/v1' }],
  [{ keyRef: 'OTHER_KEY' }],
])('not ours: %o', (change) => {
  expect(keyOf(change)).toBe('')
})
