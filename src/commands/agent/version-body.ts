/**
 * An agent's version as people write it: the body of POST /agents/{agent_id}/versions and the file of
 * `agent publish`. Everything but the prompt template has a default that is safe for the buyer.
 */
import { z } from 'zod'
import {
  abortPolicy,
  agentName,
  agentSlug,
  clientSystem,
  type AgentVersionInput,
  MAX_FALLBACKS,
  MAX_VALUE_LENGTH,
  MAX_VARIABLES,
  maxTokens,
  onProviderFailure,
  promptTemplateText,
  systemPromptText,
  temperature,
  variableDeclaration,
  variableName,
} from '../../domain/agent/events.ts'
import { modelName } from '../../domain/model/events.ts'

const DEFAULT_MAX_LENGTH = 10_000

const variableBody = z.strictObject({
  name: variableName,
  description: variableDeclaration.shape.description,
  required: z.boolean().default(true).meta({
    description: 'false: the variable is empty where a call leaves it out.',
  }),
  max_length: z.int().positive().max(MAX_VALUE_LENGTH).default(DEFAULT_MAX_LENGTH).meta({
    description: 'Longest value, in characters.',
  }),
})

export const agentVersionBody = z.strictObject({
  system_prompt: systemPromptText.default('').meta({
    description: 'Instructions for the model. {{input}} must not stand here.',
  }),
  prompt_template: promptTemplateText.meta({
    description: 'The message to the model: text with {{input}} and the declared {{variables}}.',
  }),
  model_name: z.exactOptional(
    modelName.meta({ description: "The installation's model where left out." }),
  ),
  temperature: z.exactOptional(temperature),
  max_tokens: z.exactOptional(maxTokens.meta({ description: 'Longest answer, in tokens.' })),
  variables: z.array(variableBody).max(MAX_VARIABLES).default([]),
  fallbacks: z.array(modelName).max(MAX_FALLBACKS).default([]).meta({
    description: 'Models that are tried, in order, when the first one gives no answer.',
  }),
  abort_policy: abortPolicy.default('drain').meta({
    description:
      'What happens to a call whose caller has left while the model answers. cancel_estimate is drain ' +
      'with models that think before they answer.',
  }),
  on_provider_failure: onProviderFailure.default('free').meta({
    description: 'What the buyer pays of an answer that the provider broke off.',
  }),
  store: z.boolean().default(true).meta({
    description: 'false: the texts of a call are deleted when it has ended.',
  }),
  client_system: clientSystem.default('refuse').meta({
    description: 'What becomes of system messages that a caller at /v1 sends.',
  }),
  allow_tools: z.boolean().default(false).meta({
    description: 'Callers at /v1 may bring tools.',
  }),
  allow_response_format: z.boolean().default(false).meta({
    description: 'Callers at /v1 may ask for a format of the answer.',
  }),
})
export type AgentVersionBody = z.output<typeof agentVersionBody>

export const agentNames = { slug: agentSlug, name: agentName }

/** The version as the domain knows it. */
export function versionOf(body: AgentVersionBody): AgentVersionInput {
  const { model_name, temperature: warmth, max_tokens } = body
  return {
    systemPrompt: body.system_prompt,
    promptTemplate: body.prompt_template,
    ...(model_name === undefined ? {} : { modelName: model_name }),
    ...(warmth === undefined ? {} : { temperature: warmth }),
    ...(max_tokens === undefined ? {} : { maxTokens: max_tokens }),
    variables: body.variables.map(({ max_length, ...variable }) => ({
      ...variable,
      maxLength: max_length,
    })),
    fallbacks: body.fallbacks,
    abortPolicy: body.abort_policy,
    onProviderFailure: body.on_provider_failure,
    store: body.store,
    // What is not allowed anyway is left out: the version says the same as before it could be said.
    ...(body.client_system === 'refuse' ? {} : { clientSystem: body.client_system }),
    ...(body.allow_tools ? { allowTools: true } : {}),
    ...(body.allow_response_format ? { allowResponseFormat: true } : {}),
  }
}
