/**
 * How the practice model calls a tool: when the request names one (in tool_choice, or in the words of the
 * last message, where that is the user's), with arguments that fit the simplest schemas. The same request
 * always makes the same call.
 */
import { createHash } from 'node:crypto'
import { z } from 'zod'

const property = z.looseObject({
  type: z.string().optional(),
  enum: z.array(z.unknown()).optional(),
})
export const practiceTool = z.looseObject({
  type: z.literal('function'),
  function: z.looseObject({
    name: z.string(),
    parameters: z
      .looseObject({
        properties: z.record(z.string(), property).optional(),
        required: z.array(z.string()).optional(),
      })
      .optional(),
  }),
})
export const practiceChoice = z.union([
  z.string(),
  z.looseObject({ function: z.looseObject({ name: z.string() }).optional() }),
])

interface Asked {
  readonly tools?: readonly z.output<typeof practiceTool>[] | null | undefined
  readonly tool_choice?: z.output<typeof practiceChoice> | null | undefined
  readonly messages: readonly { readonly role: string; readonly content: string }[]
}

export interface PracticeCall {
  readonly id: string
  readonly type: 'function'
  readonly function: { readonly name: string; readonly arguments: string }
}

/** undefined: it answers in words. */
export function callFor({ tools, tool_choice: choice, messages }: Asked): PracticeCall | undefined {
  const last = messages.at(-1)
  if (!tools || choice === 'none' || last?.role !== 'user') return undefined
  const forced = typeof choice === 'object' ? choice?.function?.name : undefined
  const words = new Set(last.content.split(/[^\w-]+/u))
  const tool =
    tools.find(({ function: { name } }) => name === forced || words.has(name)) ??
    (choice === 'required' ? tools[0] : undefined)
  if (!tool) return undefined
  const { name, parameters } = tool.function
  const given = (parameters?.required ?? []).map((key) => [
    key,
    valueOf(parameters?.properties?.[key], last.content),
  ])
  const said = JSON.stringify(Object.fromEntries(given))
  const id = createHash('sha256').update(`${name} ${said}`).digest('hex').slice(0, 24)
  return { id: `call_${id}`, type: 'function', function: { name, arguments: said } }
}

function valueOf(schema: z.output<typeof property> | undefined, text: string): unknown {
  if (schema?.enum) return schema.enum[0]
  switch (schema?.type ?? 'string') {
    case 'number':
    case 'integer':
      return 1
    case 'boolean':
      return true
    case 'array':
      return []
    case 'object':
      return {}
    default:
      return Array.from(text).slice(0, 80).join('')
  }
}
