/**
 * One small real call through the openai package, so that an operator learns at set-up, and not from
 * the first customer, which part of a provider's setting is wrong. Charged by the provider.
 */
import type { LlmFailureReason, LlmTarget } from '../ports/llm.ts'
import { detailOf, providerError, reasonOf } from './openai-failures.ts'
import type { ProviderError } from './openai-failures.ts'

export type LlmCheck =
  | { readonly ok: true; readonly providerRequestId: string | undefined }
  | {
      readonly ok: false
      readonly wrong: LlmCheckPart
      readonly reason: LlmFailureReason
      /** One sentence for the operator: what is wrong and what to do. */
      readonly explanation: string
      readonly detail: string
    }
export type LlmCheckPart =
  | 'key'
  | 'address'
  | 'model'
  | 'permission'
  | 'quota'
  | 'parameters'
  | 'provider'

const explanations: Readonly<Record<LlmCheckPart, string>> = {
  key: 'The provider refused the API key. Check that it is whole, current and of this provider.',
  address:
    'No Chat Completions API answers at this base URL. Check the host, the port and the path, which usually ends in /v1.',
  model: 'The provider does not know this model. Check its name, and that the account may use it.',
  permission: 'The key is valid but may not do this. Check its permissions, project and region.',
  quota: 'The account at the provider has no credit or quota left. Top it up or raise its limit.',
  parameters: 'The provider takes the key and the model but refused the request itself.',
  provider: 'The provider could be reached but did not answer properly. Try again later.',
}

/** Enough for a reasoning model to think before it says two letters. */
const MAX_OUTPUT = 256

export async function checkTarget(target: LlmTarget, timeoutMs: number): Promise<LlmCheck> {
  const first = await call(target, timeoutMs, { max_completion_tokens: MAX_OUTPUT })
  // Many compatible servers know only the old name.
  const refused = !first.ok && first.detail.includes('max_completion_tokens')
  return refused ? call(target, timeoutMs, { max_tokens: MAX_OUTPUT }) : first
}

async function call(
  target: LlmTarget,
  timeoutMs: number,
  limit: { max_completion_tokens: number } | { max_tokens: number },
): Promise<LlmCheck> {
  const openai = await import('openai')
  const [baseURL = '', query] = target.baseUrl.split('?', 2)
  const inApiKey = target.keyHeader === 'api-key'
  try {
    const client = new openai.OpenAI({
      apiKey: target.apiKey === '' ? 'none' : target.apiKey,
      baseURL,
      defaultQuery: Object.fromEntries(new URLSearchParams(query)),
      defaultHeaders: {
        ...target.headers,
        ...(inApiKey ? { 'api-key': target.apiKey, authorization: null } : {}),
      },
      timeout: timeoutMs,
      maxRetries: 0,
      logLevel: 'off',
      // Else the package reads them from the environment.
      organization: null,
      project: null,
      adminAPIKey: null,
      webhookSecret: null,
    })
    const answer: unknown = await client.chat.completions.create({
      model: target.model,
      messages: [{ role: 'user', content: 'Say OK.' }],
      ...limit,
    })
    if (!isCompletion(answer)) return wrong('address', 'nonsense', 'no chat completion')
    const id: unknown = Reflect.get(answer, '_request_id')
    return { ok: true, providerRequestId: typeof id === 'string' ? id : undefined }
  } catch (error) {
    if (error instanceof openai.APIConnectionTimeoutError)
      return wrong('provider', 'timeout', 'no answer in time')
    if (error instanceof openai.APIConnectionError)
      return wrong('address', 'unreachable', 'no connection')
    if (error instanceof openai.APIError && typeof error.status === 'number')
      return explain(providerError(error.status, error.error), target.apiKey)
    // A base URL that is none, a key that no header can carry, a body that is no JSON.
    return wrong('address', 'nonsense', 'no call could be made or read')
  }
}

const isCompletion = (answer: unknown): answer is object =>
  typeof answer === 'object' &&
  answer !== null &&
  'choices' in answer &&
  Array.isArray(answer.choices)

function explain(error: ProviderError, secret: string): LlmCheck {
  const { reason } = reasonOf(error)
  return wrong(partOf(reason, error.status), reason, detailOf(error, secret))
}

function partOf(reason: LlmFailureReason, status: number | undefined): LlmCheckPart {
  if (reason === 'refused_key') return status === 403 ? 'permission' : 'key'
  if (reason === 'unreachable' || reason === 'nonsense') return 'address'
  if (reason === 'unknown_model') return 'model'
  if (reason === 'quota_exhausted') return 'quota'
  const request = ['refused_request', 'context_exceeded', 'content_filtered']
  return request.includes(reason) ? 'parameters' : 'provider'
}

const wrong = (part: LlmCheckPart, reason: LlmFailureReason, detail: string): LlmCheck => ({
  ok: false,
  wrong: part,
  reason,
  explanation: explanations[part],
  detail,
})
