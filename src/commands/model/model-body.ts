/** A model as people write it: the body of POST /admin/models and the file of `model publish`. */
import { z } from 'zod'
import { type ModelInput, modelInput, modelTimeouts } from '../../domain/model/events.ts'

const { shape } = modelInput
const { parameters, framing } = shape
const timeouts = modelTimeouts.shape

export const modelBody = z.strictObject({
  name: shape.name.meta({ description: 'Our name: agents and price lists speak of it so.' }),
  provider: shape.provider,
  provider_model: shape.providerModel.meta({
    description: "The provider's own name (a deployment, say) where it is not ours.",
  }),
  aliases: shape.aliases.meta({
    description: 'Other names for it. None is that of a model, of another alias or of an agent.',
  }),
  agent: shape.agent.meta({
    description:
      "Slug of the platform's agent that answers whoever asks for the model or an alias at /v1.",
  }),
  base_url: shape.baseUrl.meta({
    description: "Up to and with /v1. The address of its provider's setting where left out.",
  }),
  key_ref: shape.keyRef.meta({
    description:
      'NAME of the settings PROVIDER_URL_NAME and PROVIDER_KEY_NAME, never the key. Where left out ' +
      'OPENAI_BASE_URL and OPENAI_API_KEY.',
  }),
  key_header: shape.keyHeader.meta({
    description: '`api-key` as Azure has it; else `Authorization: Bearer`.',
  }),
  query: shape.query.meta({ description: "Added to the address, such as Azure's api-version." }),
  headers: shape.headers.meta({ description: 'Sent besides. Stored and shown: no secrets.' }),
  context_size: shape.contextSize.meta({ description: 'Tokens in and out together.' }),
  max_output: shape.maxOutput,
  encoding: shape.encoding.meta({ description: 'What counts its tokens; `bytes` if unknown.' }),
  parameters: z
    .strictObject({
      max_tokens: parameters.shape.maxTokens,
      temperature: parameters.shape.temperature,
      stream_usage: parameters.shape.streamUsage.meta({
        description: 'false for a server that refuses stream_options.',
      }),
    })
    .meta({ description: 'What the model takes: nothing else is sent.' }),
  framing: z
    .strictObject({
      per_message: framing.shape.perMessage,
      per_request: framing.shape.perRequest,
    })
    .meta({ description: 'Tokens the provider adds around messages, at most.' }),
  timeouts: z.exactOptional(
    z
      .strictObject({
        connect_ms: timeouts.connectMs,
        first_byte_ms: timeouts.firstByteMs,
        between_chunks_ms: timeouts.betweenChunksMs,
        total_ms: timeouts.totalMs,
      })
      .meta({ description: 'Of one attempt; shares of CALL_LIMIT where left out.' }),
  ),
})
export type ModelBody = z.output<typeof modelBody>

/** The model as the domain knows it. */
export function modelOf(body: ModelBody): ModelInput {
  const { parameters: takes, framing: around } = body
  return given({
    name: body.name,
    provider: body.provider,
    providerModel: body.provider_model,
    aliases: body.aliases,
    agent: body.agent,
    baseUrl: body.base_url,
    keyRef: body.key_ref,
    keyHeader: body.key_header,
    query: body.query,
    headers: body.headers,
    contextSize: body.context_size,
    maxOutput: body.max_output,
    encoding: body.encoding,
    parameters: given({
      maxTokens: takes.max_tokens,
      temperature: takes.temperature,
      streamUsage: takes.stream_usage,
    }),
    framing: { perMessage: around.per_message, perRequest: around.per_request },
    timeouts:
      body.timeouts &&
      given({
        connectMs: body.timeouts.connect_ms,
        firstByteMs: body.timeouts.first_byte_ms,
        betweenChunksMs: body.timeouts.between_chunks_ms,
        totalMs: body.timeouts.total_ms,
      }),
  })
}

/** The model as people write it. */
export function bodyOf(terms: ModelInput): ModelBody {
  const { parameters: takes, framing: around, timeouts: times } = terms
  return given({
    name: terms.name,
    provider: terms.provider,
    provider_model: terms.providerModel,
    aliases: terms.aliases,
    agent: terms.agent,
    base_url: terms.baseUrl,
    key_ref: terms.keyRef,
    key_header: terms.keyHeader,
    query: terms.query,
    headers: terms.headers,
    context_size: terms.contextSize,
    max_output: terms.maxOutput,
    encoding: terms.encoding,
    parameters: given({
      max_tokens: takes.maxTokens,
      temperature: takes.temperature,
      stream_usage: takes.streamUsage,
    }),
    framing: { per_message: around.perMessage, per_request: around.perRequest },
    timeouts:
      times &&
      given({
        connect_ms: times.connectMs,
        first_byte_ms: times.firstByteMs,
        between_chunks_ms: times.betweenChunksMs,
        total_ms: times.totalMs,
      }),
  })
}

/** Keys that may be left out, from those that are undefined. */
type Given<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>
}
const given = <T extends object>(all: T): Given<T> =>
  // Exactly those entries are left out whose keys may be.
  Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as Given<T>
