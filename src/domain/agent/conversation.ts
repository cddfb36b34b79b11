/**
 * A call that brings more than an input: the turns before and after it, and what the caller wants of the
 * model. Pure. The agent speaks first and alone as the system, unless its version lets the caller add to
 * that; the template is applied to the last message of the user, where it stands, and every other turn
 * goes as it came.
 */
import { Refusal } from '../refusal.ts'
import type { ClientSystem, VariableDeclaration } from './events.ts'
import type { PromptMessage } from './template.ts'

export interface ToolCall {
  readonly id: string
  readonly type: 'function'
  readonly function: { readonly name: string; readonly arguments: string }
}

/** What a model is sent, as OpenAI's Chat Completions have it. */
export type ChatMessage =
  | {
      readonly role: 'system' | 'user'
      readonly content: string
      readonly name?: string
    }
  | {
      readonly role: 'assistant'
      readonly content: string | null
      readonly name?: string
      readonly tool_calls?: readonly ToolCall[]
    }
  | { readonly role: 'tool'; readonly content: string; readonly tool_call_id: string }

/** What goes to the model beside the messages, as the caller gave it. */
export interface PassedOptions {
  readonly tools?: readonly unknown[]
  readonly tool_choice?: unknown
  readonly parallel_tool_calls?: boolean
  readonly response_format?: unknown
}

/** All that a provider is asked, but for the model and its limits. */
export interface Prompt {
  readonly messages: readonly ChatMessage[]
  readonly options?: PassedOptions
}

export interface Conversation {
  /** The caller's own system and developer messages, in order. */
  readonly system: readonly string[]
  /** The turns before the user's last message, which is the agent's input. */
  readonly before: readonly ChatMessage[]
  /** The turns after it: calls of tools and what they answered. */
  readonly after: readonly ChatMessage[]
  readonly options: PassedOptions
}

/** What a version lets its callers do. */
export interface Doors {
  readonly clientSystem?: ClientSystem
  readonly allowTools?: boolean
  readonly allowResponseFormat?: boolean
  readonly variables: readonly VariableDeclaration[]
}

/** @throws Refusal parameter_not_allowed: names the parameter and the setting that would allow it */
export function assertAllowed(version: Doors, conversation: Conversation): void {
  const { system, before, after, options } = conversation
  const refuse = (parameter: string, setting: string) => {
    throw new Refusal('parameter_not_allowed', { parameter, setting })
  }
  if (system.length > 0 && (version.clientSystem ?? 'refuse') === 'refuse')
    refuse('messages', 'client_system')
  if (version.allowTools !== true) {
    for (const name of ['tools', 'tool_choice', 'parallel_tool_calls'] as const)
      if (options[name] !== undefined) refuse(name, 'allow_tools')
    if ([...before, ...after].some(isAboutTools)) refuse('messages', 'allow_tools')
  }
  if (options.response_format !== undefined && version.allowResponseFormat !== true)
    refuse('response_format', 'allow_response_format')
}

const isAboutTools = (message: ChatMessage): boolean =>
  message.role === 'tool' || (message.role === 'assistant' && message.tool_calls !== undefined)

/**
 * The messages of a call with its conversation. What the caller adds to the system stands below the
 * agent's own words, in the same message: many models know only one.
 */
export function converse(
  version: Pick<Doors, 'clientSystem'>,
  rendered: readonly PromptMessage[],
  { system, before, after }: Conversation,
): readonly ChatMessage[] {
  const own = rendered.filter(({ role }) => role === 'system').map(({ content }) => content)
  const added = version.clientSystem === 'append' ? system : []
  const said = [...own, ...added].filter((text) => text !== '').join('\n\n')
  return [
    ...(said === '' ? [] : [{ role: 'system', content: said } as const]),
    ...before,
    ...rendered.filter(({ role }) => role === 'user'),
    ...after,
  ]
}

/** What a caller calls metadata: values of the variables that the version declares, and tags. */
export function splitMetadata(
  { variables }: Pick<Doors, 'variables'>,
  metadata: Readonly<Record<string, string>>,
): {
  readonly values: Readonly<Record<string, string>>
  readonly tags: Readonly<Record<string, string>>
} {
  // `input` has a place of its own, declared or not.
  const declared = new Set(variables.map(({ name }) => name).filter((name) => name !== 'input'))
  const entries = Object.entries(metadata)
  return {
    values: Object.fromEntries(entries.filter(([name]) => declared.has(name))),
    tags: Object.fromEntries(entries.filter(([name]) => !declared.has(name))),
  }
}

/** The words of a message: what its tokens are counted of. */
export const wordsOf = (message: ChatMessage): string =>
  message.role === 'assistant'
    ? `${message.content ?? ''}${message.tool_calls === undefined ? '' : JSON.stringify(message.tool_calls)}`
    : message.content
