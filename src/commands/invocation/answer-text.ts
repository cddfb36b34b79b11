/**
 * What a model answered, as it is kept: its words as they are, or, where it calls tools, a document of
 * words and calls. The event that names the text says which.
 */
import type { ToolCall } from '../../domain/agent/conversation.ts'
import type { Accepted, ContentPart } from '../../domain/invocation/events.ts'
import { readContent, storeContent } from '../contents.ts'
import type { Deps } from '../deps.ts'

export interface Answered {
  readonly text: string
  readonly toolCalls: readonly ToolCall[]
}

type Stores = Pick<Deps, 'contents' | 'sealer'>

export async function storeAnswer(
  deps: Stores,
  { contentSubject, invocationId }: Accepted,
  { text, toolCalls }: Answered,
  at: string,
): Promise<ContentPart> {
  const owner = contentSubject.slice(0, contentSubject.lastIndexOf('/'))
  const calls = toolCalls.length > 0
  const stored = await storeContent(deps, {
    owner,
    day: at,
    part: 'output',
    text: calls ? JSON.stringify({ text, toolCalls }) : text,
    name: invocationId,
  })
  const { ref, digest, size } = stored
  return { ref, digest, size, ...(calls ? { format: 'message' as const } : {}) }
}

/** undefined where it was deleted. */
export async function readAnswer(deps: Stores, part: ContentPart): Promise<Answered | undefined> {
  const text = await readContent(deps, part)
  if (text === undefined) return undefined
  // Written by storeAnswer.
  return part.format === 'message' ? (JSON.parse(text) as Answered) : { text, toolCalls: [] }
}

/** All that the model has made: what its tokens are counted of. */
export const wordsOfAnswer = ({ text, toolCalls }: Answered): string =>
  toolCalls.length === 0
    ? text
    : `${text}${toolCalls.map((call) => `${call.function.name}${call.function.arguments}`).join('')}`
