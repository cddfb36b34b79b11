/** The answer of a call as HTTP shows it: the JSON answer, and the data of a stream's `done`. */
import { z } from 'zod'
import { answered, chargeOf, type EndedCall } from '../../commands/invocation/ended-call.ts'
import { idSchema } from '../../domain/ids.ts'
import { defined, moneyOf, moneySchema } from '../schemas.ts'
import { callUsageSchema, showUsage } from '../usage/invocation-json.ts'

export const toolCallsSchema = z
  .array(
    z.strictObject({
      id: z.string(),
      type: z.literal('function'),
      function: z.strictObject({ name: z.string(), arguments: z.string() }),
    }),
  )
  .meta({ description: 'What the model wants to have called, where it does.' })

export const answerSchema = z
  .strictObject({
    invocation_id: idSchema('invocation'),
    output: z.string(),
    tool_calls: z.exactOptional(toolCallsSchema),
    finish_reason: z.string().meta({
      description: 'As the provider says it: stop, length, …; canceled where you broke it off.',
    }),
    usage: callUsageSchema,
    cost: moneySchema.meta({ description: 'What the call is charged.' }),
    agent: z.strictObject({ id: idSchema('agent'), version: z.int() }),
    balance_after: moneySchema.meta({
      description: 'Balance of the account after the charge.',
    }),
    practice: z
      .exactOptional(z.literal(true))
      .meta({ description: 'Made up by the built-in practice model.' }),
  })
  .meta({ id: 'InvocationAnswer' })
export type InvocationAnswer = z.output<typeof answerSchema>

/** @throws Refusal: why there is no answer */
export function showAnswer(ended: EndedCall): Record<string, unknown> {
  const { end, text, toolCalls } = answered(ended)
  const { of, usage, invocationId } = end.data
  if (!of) throw new Error('a call with an answer was accepted')
  return defined({
    invocation_id: invocationId,
    output: text,
    tool_calls: toolCalls.length > 0 ? toolCalls : undefined,
    finish_reason: end.type === 'InvocationCompleted' ? end.data.finishReason : 'canceled',
    usage: showUsage(usage ?? { basis: 'unknown' }),
    cost: moneyOf(chargeOf(ended.invocation)),
    agent: { id: of.agentId, version: of.agentVersion },
    balance_after: moneyOf(ended.balanceNanos),
    practice: of.practice ? true : undefined,
  })
}
