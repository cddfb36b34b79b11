/** A call as HTTP shows it. The seller's cost and the provider's ids stay inside. */
import { z } from 'zod'
import type { Deps } from '../../commands/deps.ts'
import { publicReason } from '../../commands/invocation/ended-call.ts'
import { idSchema } from '../../domain/ids.ts'
import { tokenClasses } from '../../domain/money.ts'
import { chargedNanosOf, type InvocationRecord } from '../../projections/invocation-history.ts'
import { defined, moneyOf, moneySchema, timeSchema } from '../schemas.ts'
import { openText } from './reader.ts'

export const invocationStatuses = [
  'held',
  'accepted',
  'running',
  'completed',
  'failed',
  'canceled',
] as const

const tokens = z.int().nonnegative()
export const callUsageSchema = z
  .strictObject({
    basis: z.enum(['reported', 'counted', 'estimated', 'unknown']),
    ...Object.fromEntries(tokenClasses.map((one) => [one, z.exactOptional(tokens)])),
  })
  .meta({
    id: 'CallUsage',
    description: 'Tokens by class and how they came to be known; no numbers where nobody knows.',
  })

export const invocationSchema = z
  .strictObject({
    id: idSchema('invocation'),
    status: z.enum(invocationStatuses),
    agent: z.strictObject({
      id: idSchema('agent'),
      version: z.int(),
      label: z.exactOptional(z.string()),
    }),
    model: z.string(),
    user_id: z.exactOptional(idSchema('user')),
    key_id: z.exactOptional(idSchema('apiKey')),
    user: z.exactOptional(z.string()).meta({ description: 'Your own end user, as you sent it.' }),
    metadata: z.record(z.string(), z.string()),
    request_id: z.string(),
    accepted_at: timeSchema,
    started_at: z.exactOptional(timeSchema),
    ended_at: z.exactOptional(timeSchema),
    latency_ms: z.exactOptional(z.int()),
    first_byte_ms: z.exactOptional(z.int()),
    finish_reason: z.exactOptional(z.string()),
    reason: z.exactOptional(z.string()).meta({ description: 'Why a failed call failed.' }),
    usage: z.exactOptional(callUsageSchema),
    hold: moneySchema,
    charge: z.exactOptional(moneySchema).meta({
      description: 'What the call is charged, corrections included; absent until it is settled.',
    }),
    waived: z.exactOptional(moneySchema),
    uncollected: z.exactOptional(moneySchema),
    adjusted: z
      .exactOptional(moneySchema)
      .meta({ description: 'Corrections, positive in your favour.' }),
    release_reason: z.exactOptional(z.string()),
    practice: z.exactOptional(z.literal(true)),
  })
  .meta({ id: 'Invocation' })

const moneyIf = (nanos: string | bigint | undefined) =>
  nanos === undefined ? undefined : moneyOf(nanos)

export async function showInvocation(
  deps: Pick<Deps, 'sealer'>,
  call: InvocationRecord,
): Promise<Record<string, unknown>> {
  return defined({
    id: call.invocationId,
    status: call.status,
    agent: defined({ id: call.agentId, version: call.agentVersion, label: call.label }),
    model: call.model,
    user_id: call.userId,
    key_id: call.keyId,
    user: await openText(deps, call.endUserText),
    metadata: call.metadata ?? {},
    request_id: call.requestId,
    accepted_at: call.acceptedAt,
    started_at: call.startedAt,
    ended_at: call.endedAt,
    latency_ms: call.latencyMs,
    first_byte_ms: call.firstByteMs,
    finish_reason: call.finishReason,
    reason: call.reason && publicReason(call.reason),
    usage: call.usage && showUsage(call.usage),
    hold: moneyOf(call.holdNanos),
    charge: moneyIf(chargedNanosOf(call)),
    waived: moneyIf(call.waivedNanos),
    uncollected: moneyIf(call.uncollectedNanos),
    adjusted: moneyIf(call.adjustedNanos),
    release_reason: call.releaseReason,
    practice: call.practice ? true : undefined,
  })
}

export const showUsage = (usage: NonNullable<InvocationRecord['usage']>) =>
  usage.basis === 'unknown' ? usage : { basis: usage.basis, ...usage.quantities }
