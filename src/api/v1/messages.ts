/**
 * The messages of a request, checked one by one, and cut where the agent's template is applied: at the
 * last message of the user. Only text is taken; anything else is refused by its name.
 */
import { z } from 'zod'
import type { ChatMessage, Conversation, ToolCall } from '../../domain/agent/conversation.ts'
import type { FieldIssue } from '../errors.ts'

export const messageBody = z
  .looseObject({
    role: z.enum(['system', 'developer', 'user', 'assistant', 'tool'], {
      error: 'system, developer, user, assistant or tool',
    }),
    content: z
      .union([z.string(), z.array(z.looseObject({ type: z.string() }))], {
        error: 'a text, or a list of parts of type "text"',
      })
      .nullish(),
    name: z.string().max(64).nullish(),
    tool_calls: z
      .array(
        z.looseObject({
          id: z.string().min(1).max(256),
          type: z.literal('function', { error: 'only tools of type "function"' }),
          function: z.looseObject({
            name: z.string().min(1).max(256),
            arguments: z.string(),
          }),
        }),
      )
      .max(128)
      .nullish(),
    tool_call_id: z.string().min(1).max(256).nullish(),
  })
  .meta({ id: 'ChatMessage' })
type MessageBody = z.output<typeof messageBody>

/** undefined: what is wrong stands in `issues`. */
export function conversationOf(
  bodies: readonly MessageBody[],
  issues: FieldIssue[],
): (Omit<Conversation, 'options'> & { readonly input: string }) | undefined {
  const system: string[] = []
  const turns: ChatMessage[] = []
  const called = new Set<string>()
  const before = issues.length
  for (const [index, body] of bodies.entries()) {
    const path = `body.messages.${index}`
    const text = textOf(body, path, issues)
    if (text === undefined) continue
    const turn = turnOf(body, text, path, called, issues)
    if (turn?.role === 'system') system.push(turn.content)
    else if (turn) turns.push(turn)
  }
  const asked = turns.findLastIndex(({ role }) => role === 'user')
  const last = bodies.at(-1)?.role
  if (asked < 0) issues.push({ path: 'body.messages', message: 'a message of the user is needed' })
  else if (last === 'assistant')
    issues.push({ path: 'body.messages', message: 'must end with the user or with a tool' })
  const input = turns[asked]?.content
  if (issues.length > before || typeof input !== 'string') return undefined
  return { system, before: turns.slice(0, asked), after: turns.slice(asked + 1), input }
}

/** The text of a message; undefined: it is not one, and the issue is named. */
function textOf(body: MessageBody, path: string, issues: FieldIssue[]): string | undefined {
  const { content, role } = body
  if (typeof content === 'string') return content
  if (content === undefined || content === null) {
    // An assistant that calls tools may have said nothing.
    if (role === 'assistant') return ''
    issues.push({ path: `${path}.content`, message: 'a text is needed' })
    return undefined
  }
  const texts: string[] = []
  for (const [index, part] of content.entries()) {
    const text = part.type === 'refusal' ? part['refusal'] : part['text']
    if ((part.type === 'text' || part.type === 'refusal') && typeof text === 'string')
      texts.push(text)
    else
      issues.push({
        path: `${path}.content.${index}`,
        message: REFUSED_PARTS.get(part.type) ?? 'only parts of type "text" are taken',
      })
  }
  return texts.length === content.length ? texts.join('\n') : undefined
}

const REFUSED_PARTS = new Map([
  ['image_url', 'images are not taken'],
  ['input_audio', 'audio is not taken'],
  ['file', 'files are not taken'],
])

function turnOf(
  body: MessageBody,
  content: string,
  path: string,
  called: Set<string>,
  issues: FieldIssue[],
): ChatMessage | undefined {
  const named = typeof body.name === 'string' && body.name !== '' ? { name: body.name } : {}
  switch (body.role) {
    case 'system':
    case 'developer':
      return { role: 'system', content }
    case 'user':
      return { role: 'user', content, ...named }
    case 'assistant':
      return assistantOf(body, content, path, called, issues)
    case 'tool': {
      const id = body.tool_call_id
      if (typeof id === 'string' && called.has(id))
        return { role: 'tool', content, tool_call_id: id }
      const message = 'the id of a tool call of a message before'
      issues.push({ path: `${path}.tool_call_id`, message })
      return undefined
    }
  }
}

function assistantOf(
  body: MessageBody,
  content: string,
  path: string,
  called: Set<string>,
  issues: FieldIssue[],
): ChatMessage | undefined {
  for (const name of ['function_call', 'audio'])
    if (body[name] !== undefined && body[name] !== null) {
      issues.push({ path: `${path}.${name}`, message: 'is not supported here' })
      return undefined
    }
  // Only what is known of a call goes on.
  const calls = (body.tool_calls ?? []).map(
    ({ id, function: { name, arguments: given } }): ToolCall => ({
      id,
      type: 'function',
      function: { name, arguments: given },
    }),
  )
  for (const { id } of calls) called.add(id)
  const named = typeof body.name === 'string' && body.name !== '' ? { name: body.name } : {}
  return calls.length > 0
    ? { role: 'assistant', content: content === '' ? null : content, ...named, tool_calls: calls }
    : { role: 'assistant', content, ...named }
}
