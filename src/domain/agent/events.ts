/**
 * The stored contract of an agent. Prompts are content of the agent's owner and are sealed with the
 * owner's key; everything else (names, limits, models) is the business's own data and clear, so that
 * lists, labels and prices outlive an erasure of the texts.
 */
import { z } from 'zod'
import { event, type EventsOf } from '../event.ts'
import { idField, idSchema } from '../ids.ts'
import { modelName } from '../model/events.ts'
import { clear, content } from '../personal.ts'

/** system_prompt and prompt_template together, in bytes of UTF-8. */
export const MAX_PROMPT_BYTES = 128 * 1024
export const MAX_VARIABLES = 64
/** Characters (code points) that a value may have: the most a declaration can allow. */
export const MAX_VALUE_LENGTH = 500_000
/** An invocation has at most three attempts, so no chain is longer than three models. */
export const MAX_FALLBACKS = 2

/** Whose agent it is: every organization may use the platform's, nobody else's organization's. */
export const agentOwner = z.union([z.literal('platform'), idSchema('organization')])
export const agentSlug = z
  .string()
  .regex(
    /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/,
    'lower-case letters, digits and dashes, at most 63 characters',
  )
export const agentName = z.string().trim().min(1).max(120)
export const labelName = z
  .string()
  .regex(/^[a-z][a-z0-9_-]{0,31}$/, 'a lower-case letter, then letters, digits, _ or -')
export const versionNumber = z.int().positive()
/** 0 to 2 in hundredths: what every provider takes, and no number that two readers print differently. */
export const temperature = z.number().min(0).max(2).multipleOf(0.01)
export const maxTokens = z.int().positive().max(1_000_000)
/** SHA-256 or HMAC-SHA-256 in hex. */
export const digestText = z.string().regex(/^[0-9a-f]{64}$/)

export const variableName = z.string().regex(/^[a-zA-Z_][a-zA-Z0-9_]{0,63}$/, 'a name like topic_1')
export const variableDeclaration = z.strictObject({
  name: variableName,
  description: z.exactOptional(z.string().max(500)),
  /** A value must be given; one that is not required is empty where it is left out. */
  required: z.boolean(),
  /** In characters (code points). */
  maxLength: z.int().positive().max(MAX_VALUE_LENGTH),
})
export type VariableDeclaration = z.output<typeof variableDeclaration>

/** When the caller leaves or cancels while the provider is still talking. */
export const abortPolicy = z.enum(['drain', 'cancel_estimate', 'cancel_free'])
export type AbortPolicy = z.output<typeof abortPolicy>
/** What the buyer pays of an answer that the provider broke off. */
export const onProviderFailure = z.enum(['free', 'charge_delivered'])
export type OnProviderFailure = z.output<typeof onProviderFailure>

/** What becomes of system and developer messages that the caller of a conversation sends. */
export const clientSystem = z.enum(['refuse', 'ignore', 'append'])
export type ClientSystem = z.output<typeof clientSystem>

export const systemPromptText = z.string().max(MAX_PROMPT_BYTES)
export const promptTemplateText = z.string().min(1).max(MAX_PROMPT_BYTES)

const settings = {
  modelName: z.exactOptional(modelName),
  temperature: z.exactOptional(temperature),
  maxTokens: z.exactOptional(maxTokens),
  variables: z.array(variableDeclaration).max(MAX_VARIABLES),
  fallbacks: z.array(modelName).max(MAX_FALLBACKS),
  abortPolicy,
  onProviderFailure,
  store: z.boolean(),
  /** `refuse` where left out. */
  clientSystem: z.exactOptional(clientSystem),
  /** Callers may bring tools, and what they answered; not allowed where left out. */
  allowTools: z.exactOptional(z.boolean()),
  /** Callers may ask for a format of the answer; not allowed where left out. */
  allowResponseFormat: z.exactOptional(z.boolean()),
}

/** What a publisher gives. Where modelName, temperature or maxTokens are left out the defaults of the
 * installation apply at each invocation. `store: false`: texts are deleted when the call has ended. */
export const agentVersionInput = z.strictObject({
  ...settings,
  systemPrompt: systemPromptText,
  promptTemplate: promptTemplateText,
})
export type AgentVersionInput = z.output<typeof agentVersionInput>

export const agentEvents = {
  AgentCreated: event('An agent exists and is active; it answers once a version is published.', {
    agentId: idField('agent'),
    owner: clear(agentOwner),
    slug: clear(agentSlug),
    name: clear(agentName),
  }),
  AgentRenamed: event('The agent has another name. Its slug and id stay.', {
    agentId: idField('agent'),
    name: clear(agentName),
  }),
  AgentVersionPublished: event('A version was published. It never changes.', {
    agentId: idField('agent'),
    owner: clear(agentOwner),
    version: clear(versionNumber),
    /** Keyed digest of versionText(): tells identical content apart also when the texts are erased. */
    digest: clear(digestText),
    systemPrompt: content(systemPromptText, 'owner'),
    promptTemplate: content(promptTemplateText, 'owner'),
    modelName: clear(settings.modelName),
    temperature: clear(settings.temperature),
    maxTokens: clear(settings.maxTokens),
    variables: clear(settings.variables),
    fallbacks: clear(settings.fallbacks),
    abortPolicy: clear(settings.abortPolicy),
    onProviderFailure: clear(settings.onProviderFailure),
    store: clear(settings.store),
    clientSystem: clear(settings.clientSystem),
    allowTools: clear(settings.allowTools),
    allowResponseFormat: clear(settings.allowResponseFormat),
  }),
  AgentLabelMoved: event('A label points at a version: from now on its calls get that one.', {
    agentId: idField('agent'),
    label: clear(labelName),
    version: clear(versionNumber),
  }),
  AgentActivated: event('The agent may be invoked again.', { agentId: idField('agent') }),
  AgentDeactivated: event('The agent may not be invoked. Running calls end as they would.', {
    agentId: idField('agent'),
  }),
}
export type AgentEvent = EventsOf<typeof agentEvents>
