/**
 * Errors as OpenAI's libraries read them: one envelope, four keys, whatever went wrong on /v1 and whoever
 * found it. The text is the problem's own, in the person's language. What a repeat cannot change says
 * so, since these libraries repeat 409, 429 and everything from 500 by themselves.
 */
import type { Messages, ProblemCode } from '../../messages/messages.ts'
import { type Problem, problemBody } from '../errors.ts'

export interface OpenAiError {
  readonly error: {
    readonly message: string
    readonly type: string
    readonly param: string | null
    readonly code: string | null
  }
}

export const isOpenAiPath = (url: string): boolean => /^\/v1(?:[/?]|$)/.test(url)

const USE = 'POST /v1/chat/completions · GET /v1/models · GET /v1/models/{model}'

/** Names that programs look for; every other code keeps ours. */
const codes: Readonly<Partial<Record<ProblemCode, string>>> = {
  unauthenticated: 'invalid_api_key',
  session_ended: 'invalid_api_key',
  agent_not_found: 'model_not_found',
  agent_inactive: 'model_not_found',
  label_not_found: 'model_not_found',
  context_exceeded: 'context_length_exceeded',
  prompt_too_large: 'context_length_exceeded',
  insufficient_credit: 'insufficient_quota',
  rate_limited: 'rate_limit_exceeded',
  parameter_not_allowed: 'unsupported_parameter',
  route_not_found: 'unknown_url',
}

const params: Readonly<Partial<Record<ProblemCode, string>>> = {
  agent_not_found: 'model',
  agent_inactive: 'model',
  label_not_found: 'model',
  input_required: 'messages',
  context_exceeded: 'messages',
  prompt_too_large: 'messages',
  variables_invalid: 'metadata',
}

/** The same request again would end the same way. */
const final: ReadonlySet<ProblemCode> = new Set<ProblemCode>([
  'provider_refused',
  'content_erased',
  'budget_exceeded',
  'spend_ceiling_reached',
])

/** The code of the envelope. */
export const openAiCode = (code: ProblemCode): string => codes[code] ?? code

/** The envelope, for the OpenAPI document. */
export const openAiErrorSchema = {
  type: 'object',
  description: 'OpenAI’s error envelope',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['message', 'type', 'param', 'code'],
      properties: {
        message: { type: 'string', description: 'In the language of the person.' },
        type: { type: 'string' },
        param: { type: ['string', 'null'], description: 'Where the request was wrong.' },
        code: { type: ['string', 'null'], description: 'What a program looks at.' },
      },
    },
  },
}

/** As OpenAI answers what the request itself is to blame for: 400 where we say 422. */
export const openAiStatus = (status: number): number => (status === 422 ? 400 : status)

export const isFinal = (code: ProblemCode, status: number): boolean =>
  final.has(code) || status === 409

export function openAiError(problem: Problem, messages: Messages, requestId: string): OpenAiError {
  const { code, status, title, detail } = problemBody(problem, messages, requestId)
  const [issue] = problemBody(problem, messages, requestId).errors ?? []
  const given = problem.facts['parameter']
  const param =
    issue === undefined
      ? (params[code] ?? (typeof given === 'string' ? given : null))
      : paramOf(issue.path)
  const said = issue === undefined ? detail : `${param ?? issue.path}: ${issue.message}`
  const where = code === 'route_not_found' || code === 'method_not_allowed' ? ` ${USE}` : ''
  return {
    error: {
      message: `${title}. ${said}${where}`,
      type: typeOf(status),
      param,
      code: openAiCode(code),
    },
  }
}

function typeOf(status: number): string {
  if (status === 401) return 'authentication_error'
  if (status === 402) return 'insufficient_quota'
  if (status === 403) return 'permission_error'
  if (status === 429) return 'rate_limit_error'
  return status >= 500 ? 'server_error' : 'invalid_request_error'
}

/** `body.messages.0.content` as `messages[0].content`; what is not of the body is no parameter. */
function paramOf(path: string): string | null {
  const [where, ...rest] = path.split('.')
  if (where !== 'body' || rest.length === 0) return null
  return rest.reduce((name, part) => (/^\d+$/.test(part) ? `${name}[${part}]` : `${name}.${part}`))
}
