/** A model as people write it: the body of POST /admin/models and the file of `model publish`. */
import { z } from 'zod'
import { type ModelInput, modelInput } from '../../domain/model/events.ts'

const { shape } = modelInput
const { parameters, framing } = shape

export const modelBody = z.strictObject({
  name: shape.name.meta({ description: "The provider's own name of the model." }),
  provider: shape.provider,
  base_url: shape.baseUrl.meta({ description: "The installation's address where left out." }),
  key_ref: shape.keyRef.meta({ description: 'Name of the setting with the key, never the key.' }),
  context_size: shape.contextSize.meta({ description: 'Tokens in and out together.' }),
  max_output: shape.maxOutput,
  encoding: shape.encoding.meta({ description: 'What counts its tokens; `bytes` if unknown.' }),
  parameters: z.strictObject({
    max_tokens: parameters.shape.maxTokens,
    temperature: parameters.shape.temperature,
  }),
  framing: z
    .strictObject({
      per_message: framing.shape.perMessage,
      per_request: framing.shape.perRequest,
    })
    .meta({ description: 'Tokens the provider adds around messages, at most.' }),
})
export type ModelBody = z.output<typeof modelBody>

/** The model as the domain knows it. */
export function modelOf(body: ModelBody): ModelInput {
  return {
    name: body.name,
    provider: body.provider,
    ...(body.base_url !== undefined && { baseUrl: body.base_url }),
    ...(body.key_ref !== undefined && { keyRef: body.key_ref }),
    contextSize: body.context_size,
    maxOutput: body.max_output,
    encoding: body.encoding,
    parameters: {
      maxTokens: body.parameters.max_tokens,
      temperature: body.parameters.temperature,
    },
    framing: {
      perMessage: body.framing.per_message,
      perRequest: body.framing.per_request,
    },
  }
}
