/**
 * What the seller knows about a provider's model: the stored contract. Never a key, only the name of
 * the setting that holds it; never a price (price-list/).
 */
import { z } from 'zod'
import { event, type EventsOf } from '../event.ts'
import { idField, instant } from '../ids.ts'
import { clear } from '../personal.ts'

/** The provider's own name of the model, by which agents and price lists speak of it. */
export const modelName = z.string().regex(/^[\w.:/-]{1,128}$/, 'the name of a model')
export const modelEncodings = ['o200k_base', 'cl100k_base', 'bytes'] as const
/** What counts its tokens; `bytes` where nobody knows: no token is shorter than a byte. */
export const modelEncoding = z.enum(modelEncodings)

/** Which parameters the model takes: nothing else is ever sent. */
export const modelParameters = z.strictObject({
  maxTokens: z.enum(['max_tokens', 'max_completion_tokens']),
  temperature: z.boolean(),
})
/** Tokens the provider adds around messages: an upper bound. */
export const modelFraming = z.strictObject({
  perMessage: z.int().nonnegative().max(10_000),
  perRequest: z.int().nonnegative().max(10_000),
})

/** What a publisher gives. */
export const modelInput = z.strictObject({
  name: modelName,
  provider: z.string().regex(/^[a-z][a-z0-9_-]{0,63}$/, 'a lower-case word'),
  /** Where it is called; the installation's own address where left out. */
  baseUrl: z.exactOptional(z.url({ protocol: /^https?$/ }).max(512)),
  /** Name of the setting that holds the key, never the key; the installation's own where left out. */
  keyRef: z.exactOptional(z.string().regex(/^[A-Z][A-Z0-9_]{0,63}$/, 'the name of a setting')),
  /** Tokens in and out together. */
  contextSize: z.int().positive().max(100_000_000),
  maxOutput: z.int().positive().max(10_000_000),
  encoding: modelEncoding,
  parameters: modelParameters,
  framing: modelFraming,
})
export type ModelInput = z.output<typeof modelInput>

const shape = modelInput.shape
export const modelEvents = {
  ModelPublished: event('A model can be called from now on, under these terms.', {
    modelId: idField('model'),
    version: clear(z.int().positive()),
    name: clear(shape.name),
    provider: clear(shape.provider),
    baseUrl: clear(shape.baseUrl),
    keyRef: clear(shape.keyRef),
    contextSize: clear(shape.contextSize),
    maxOutput: clear(shape.maxOutput),
    encoding: clear(shape.encoding),
    parameters: clear(shape.parameters),
    framing: clear(shape.framing),
    at: instant,
  }),
  ModelRetired: event('No new call goes to the model.', { modelId: idField('model'), at: instant }),
}
export type ModelEvent = EventsOf<typeof modelEvents>
