/**
 * Brings the answer of a call to its caller: as one JSON document, or as a stream of events. Knows who
 * has left and when the server gives up; knows no rules of calls.
 */
import type { FastifyReply } from 'fastify'
import type { EndedCall } from '../../commands/invocation/ended-call.ts'
import { answered } from '../../commands/invocation/ended-call.ts'
import { NoLongerFollowed } from '../../commands/invocation/follow-call.ts'
import type { Messages } from '../../messages/messages.ts'
import type { Logger } from '../../ports/logger.ts'
import { Problem, problemBody, problemOf } from '../errors.ts'
import type { Answer } from '../route.ts'
import { showAnswer } from './answer.ts'
import type { EventStream } from './event-stream.ts'

/** Aborts when the client has left before its answer was complete. Never for a stop of the server. */
export function leftSignal(reply: FastifyReply): AbortSignal {
  const left = new AbortController()
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) left.abort()
  })
  if (reply.raw.destroyed) left.abort()
  return left.signal
}

/** What waiting ended with: the client left, or we stop. */
export const whyNot = (error: unknown, left: AbortSignal): unknown =>
  error instanceof NoLongerFollowed ? new Problem(left.aborted ? 'client_left' : 'stopping') : error

export async function deliverJson(ended: Promise<EndedCall>, left: AbortSignal): Promise<Answer> {
  try {
    const call = await ended
    return { body: showAnswer(call), position: call.position }
  } catch (error) {
    throw whyNot(error, left)
  }
}

export interface StreamDelivery {
  readonly stream: EventStream
  readonly left: AbortSignal
  readonly messages: Messages
  readonly requestId: string
  readonly logger: Logger
}

/** Before the first event an error is thrown, and answered with its status; after it, it is an event. */
export async function deliverEvents(
  ended: Promise<EndedCall>,
  { stream, left, messages, requestId, logger }: StreamDelivery,
): Promise<Answer> {
  try {
    const call = await ended
    const { end, text } = answered(call)
    stream.rest(text, end.data.attempt ?? 1)
    const position = call.position.toString()
    stream.end('done', JSON.stringify({ ...showAnswer(call), position }))
  } catch (caught) {
    const error = whyNot(caught, left)
    if (!stream.started) {
      stream.close()
      throw error
    }
    const problem = problemOf(error) ?? new Problem('internal')
    if (problem.code === 'internal') logger.error({ requestId, error }, 'a stream broke off')
    stream.end('error', JSON.stringify(problemBody(problem, messages, requestId)))
  }
  return { sent: true }
}
