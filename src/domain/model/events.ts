/**
 * What the seller knows about a provider's model: the stored contract. Never a key, only the name of
 * the setting that holds it; never a price (price-list/).
 */
import { z } from 'zod'
import { event, type EventsOf } from '../event.ts'
import { idField, instant } from '../ids.ts'
import { clear } from '../personal.ts'

/** Our name of the model, by which agents and price lists speak of it; the provider's own where it has no
 * other. */
export const modelName = z.string().regex(/^[\w.:/-]{1,128}$/, 'the name of a model')
export const modelEncodings = ['o200k_base', 'cl100k_base', 'bytes'] as const
/** What counts its tokens; `bytes` where nobody knows: no token is shorter than a byte. */
export const modelEncoding = z.enum(modelEncodings)

/** Which parameters the model takes: nothing else is ever sent. */
export const modelParameters = z.strictObject({
  maxTokens: z.enum(['max_tokens', 'max_completion_tokens']),
  temperature: z.boolean(),
  /** false: the server refuses `stream_options`, and may then not say what was used. */
  streamUsage: z.exactOptional(z.boolean()),
})
/** Tokens the provider adds around messages: an upper bound. */
export const modelFraming = z.strictObject({
  perMessage: z.int().nonnegative().max(10_000),
  perRequest: z.int().nonnegative().max(10_000),
})

/** How long each part of a call may take, in milliseconds; the installation's own where left out. */
const milliseconds = z.exactOptional(z.int().min(100).max(3_600_000))
export const modelTimeouts = z.strictObject({
  connectMs: milliseconds,
  firstByteMs: milliseconds,
  betweenChunksMs: milliseconds,
  /** One attempt in all. */
  totalMs: milliseconds,
})

export const MAX_ALIASES = 20
const MAX_EXTRAS = 8
const printable = z.string().regex(/^[\x20-\x7e]{1,256}$/, '1 to 256 printable characters')
/** What a request to the provider carries besides: no secret, since it is stored and shown. */
const extras = (name: RegExp, what: string) =>
  z
    .record(z.string().regex(name, what), printable)
    .refine((given) => Object.keys(given).length <= MAX_EXTRAS, `at most ${MAX_EXTRAS}`)
/** Those that decide who is asked, for whom, and how the bytes are read, are ours. */
const OUR_HEADERS =
  /^(authorization|api-key|x-api-key|proxy-.*|host|cookie|content-.*|accept.*|connection|keep-alive|te|trailer|transfer-encoding|upgrade|expect|user-agent)$/

/** What a publisher gives. */
export const modelInput = z.strictObject({
  name: modelName,
  provider: z.string().regex(/^[a-z][a-z0-9_-]{0,63}$/, 'a lower-case word'),
  /** What the provider calls it, where that is not our name. */
  providerModel: z.exactOptional(
    z.string().regex(/^[\x21-\x7e]{1,256}$/, '1 to 256 characters without blanks'),
  ),
  /** Other names under which agents may call for it. Each belongs to one model. */
  aliases: z.exactOptional(
    z
      .array(modelName)
      .min(1)
      .max(MAX_ALIASES)
      .refine((names) => new Set(names).size === names.length, 'each once'),
  ),
  /** Slug of the platform's agent that answers at /v1 whoever asks for the model or an alias of it. */
  agent: z.exactOptional(z.string().regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, 'a slug')),
  /** Where it is called; the installation's own address where left out. */
  baseUrl: z.exactOptional(z.url({ protocol: /^https?$/ }).max(512)),
  /** NAME of PROVIDER_URL_NAME and PROVIDER_KEY_NAME, never the key; the installation's own provider
   * where left out. */
  keyRef: z.exactOptional(z.string().regex(/^[A-Z][A-Z0-9_]{0,63}$/, 'the name of a setting')),
  /** The header that carries the key: `Authorization: Bearer …` where left out. */
  keyHeader: z.exactOptional(z.enum(['authorization', 'api-key'])),
  query: z.exactOptional(extras(/^[A-Za-z0-9_.-]{1,64}$/, 'the name of a query parameter')),
  headers: z.exactOptional(
    extras(/^[a-z][a-z0-9-]{0,63}$/, 'a header in lower case').refine(
      (given) => !Object.keys(given).some((name) => OUR_HEADERS.test(name)),
      'a header that is not set by the server itself',
    ),
  ),
  /** Tokens in and out together. */
  contextSize: z.int().positive().max(100_000_000),
  maxOutput: z.int().positive().max(10_000_000),
  encoding: modelEncoding,
  parameters: modelParameters,
  framing: modelFraming,
  timeouts: z.exactOptional(modelTimeouts),
})
export type ModelInput = z.output<typeof modelInput>

const shape = modelInput.shape
export const modelEvents = {
  ModelPublished: event('A model can be called from now on, under these terms.', {
    modelId: idField('model'),
    version: clear(z.int().positive()),
    name: clear(shape.name),
    provider: clear(shape.provider),
    providerModel: clear(shape.providerModel),
    aliases: clear(shape.aliases),
    agent: clear(shape.agent),
    baseUrl: clear(shape.baseUrl),
    keyRef: clear(shape.keyRef),
    keyHeader: clear(shape.keyHeader),
    query: clear(shape.query),
    headers: clear(shape.headers),
    contextSize: clear(shape.contextSize),
    maxOutput: clear(shape.maxOutput),
    encoding: clear(shape.encoding),
    parameters: clear(shape.parameters),
    framing: clear(shape.framing),
    timeouts: clear(shape.timeouts),
    at: instant,
  }),
  ModelAliasClaimed: event('The name means another model, as long as that lists it.', {
    alias: clear(modelName),
    /** Name of the model. */
    model: clear(modelName),
    at: instant,
  }),
  ModelRetired: event('No new call goes to the model.', { modelId: idField('model'), at: instant }),
}
export type ModelEvent = EventsOf<typeof modelEvents>
