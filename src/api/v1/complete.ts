/**
 * One chat completion: from the request to an invocation, or to the one that it repeats, and its answer
 * as one document or as chunks. Rules of calls are the command's; what is OpenAI's is here.
 */
import { actorRef, type OrganizationActor } from '../../commands/access.ts'
import { resolveModel, type ResolvedModel } from '../../commands/agent/resolve-model.ts'
import type { Deps } from '../../commands/deps.ts'
import { answered } from '../../commands/invocation/ended-call.ts'
import {
  invocationIdOf,
  invokeAgent,
  type InvokeInput,
  type InvokeOptions,
  type Invoked,
} from '../../commands/invocation/invoke-agent.ts'
import { joinCall, lostCall } from '../../commands/invocation/join-lost.ts'
import type { Invocation } from '../../domain/invocation/invocation.ts'
import { acting, organizationOf } from '../actor.ts'
import { Problem, problemOf } from '../errors.ts'
import { leftSignal, whyNot } from '../invocations/deliver.ts'
import type { Answer, Call } from '../route.ts'
import { defined } from '../schemas.ts'
import { type ChunkStream, openChunkStream } from './chunk-stream.ts'
import {
  completionId,
  finishReasonOf,
  type Said,
  secondsOf,
  showCompletion,
  usageOf,
} from './completion.ts'
import { openAiError } from './errors.ts'
import { type CompletionBody, type Wanted, wantedOf } from './request.ts'

type CompletionCall = Call<Record<string, never>, Record<string, never>, CompletionBody>

export async function complete(deps: Deps, call: CompletionCall): Promise<Answer> {
  const { actor, root, body, reply } = call
  const caller = acting(actor)
  const wanted = wantedOf(body)
  const model = await resolveModel(deps, organizationOf(actor), body.model)
  const retryDigest = root.digest === undefined ? retryDigestOf(deps, caller, body) : undefined
  const input = inputOf(model, wanted, retryDigest)
  const signal = leftSignal(reply)
  const lost =
    retryDigest !== undefined && isRepeat(call)
      ? await lostCall(deps, root, retryDigest, signal)
      : undefined
  const invocationId = lost?.accepted?.invocationId ?? invocationIdOf(deps, root)
  const headers = headersOf(deps, invocationId, model, wanted)
  const asked: Asked = { deps, call, caller, input, signal, lost }
  if (wanted.stream) return streamed(asked, headers, wanted.includeUsage)
  const invoked = await begin(asked, {})
  try {
    const ended = await endedOf(invoked)
    const completion = showCompletion(saidOf(asked, invoked), answered(ended))
    return { body: completion, headers, position: ended.position }
  } catch (error) {
    // Whatever became of it, the call can be looked at.
    reply.headers(headers)
    throw whyNot(error, signal)
  }
}

interface Asked {
  readonly deps: Deps
  readonly call: CompletionCall
  readonly caller: OrganizationActor
  readonly input: InvokeInput
  /** Aborts when the client has left. */
  readonly signal: AbortSignal
  /** The call that this request repeats. */
  readonly lost: Invocation | undefined
}

async function begin(
  { deps, call: { root, door }, caller, input, signal, lost }: Asked,
  listeners: Pick<InvokeOptions, 'onDelta' | 'onToolCall'>,
): Promise<Invoked> {
  const options = { respond: 'wait', signal, ...door, ...listeners } as const
  if (lost) return joinCall(deps, lost, root, options)
  return invokeAgent(deps, caller, root, input, options)
}

const endedOf = ({ ended }: Invoked) => {
  if (!ended) throw new Error('somebody waits for this call')
  return ended
}

async function streamed(
  asked: Asked,
  headers: Readonly<Record<string, string>>,
  includeUsage: boolean,
): Promise<Answer> {
  const { call, signal } = asked
  const stream = openChunkStream(call.reply, headers, includeUsage)
  let invoked: Invoked | undefined
  try {
    const listeners = { onDelta: stream.delta, onToolCall: stream.toolCall }
    invoked = await begin(asked, listeners)
    stream.open(saidOf(asked, invoked))
    const { end, text, toolCalls } = answered(await endedOf(invoked))
    stream.finish({
      text,
      toolCalls,
      attempt: end.data.attempt ?? 1,
      finishReason: finishReasonOf(end),
      usage: usageOf(end),
    })
  } catch (caught) {
    const error = whyNot(caught, signal)
    breakOff(asked, stream, error)
    if (!stream.started) {
      // What was refused before it was a call has no invocation to look at.
      if (invoked) call.reply.headers(headers)
      throw error
    }
  }
  return { sent: true }
}

/** Before the first chunk it is an answer with its status; after it, an event. */
function breakOff({ deps, call }: Asked, stream: ChunkStream, error: unknown): void {
  if (!stream.started) return stream.close()
  const { messages, request } = call
  const problem = problemOf(error) ?? new Problem('internal')
  if (problem.code === 'internal')
    deps.logger.error({ requestId: request.id, error }, 'a stream broke off')
  stream.fail(openAiError(problem, messages, request.id))
}

const saidOf = ({ call: { root, body } }: Asked, { invocationId, acceptedAt }: Invoked): Said => ({
  id: completionId(invocationId),
  created: secondsOf(acceptedAt ?? root.at),
  model: body.model,
})

function inputOf(
  { agent, label }: ResolvedModel,
  { input, conversation, maxTokens, user, metadata }: Wanted,
  retryDigest: string | undefined,
): InvokeInput {
  const more = defined({ label, user, maxTokens, retryDigest })
  return { agentId: agent.agentId, input, conversation, metadata, ...more }
}

/** Who asks, and for what: the same for each try of one request, and for nobody else's. */
const retryDigestOf = (
  { sealer }: Pick<Deps, 'sealer'>,
  caller: OrganizationActor,
  body: CompletionBody,
): string => {
  const { kind, id } = actorRef(caller) as { kind: string; id: string }
  return sealer.hmac('request', JSON.stringify(['retry', kind, id, caller.orgId, body]))
}

/** OpenAI's libraries say with each try how many there were before it. */
const isRepeat = ({ request }: CompletionCall): boolean =>
  /^[1-9]\d{0,3}$/.test(String(request.headers['x-stainless-retry-count'] ?? ''))

function headersOf(
  { settings }: Pick<Deps, 'settings'>,
  invocationId: string,
  { version }: ResolvedModel,
  { dropped, conversation, maxTokens }: Wanted,
): Record<string, string> {
  const most = version.maxTokens ?? settings.model.maxTokens
  const all = [
    ...dropped,
    ...(maxTokens !== undefined && maxTokens > most ? ['max_tokens'] : []),
    ...(version.clientSystem === 'ignore' && conversation.system.length > 0
      ? ['messages[system]']
      : []),
  ]
  return {
    location: `/invocations/${invocationId}`,
    'x-daybook-invocation-id': invocationId,
    ...(all.length > 0 ? { 'x-daybook-dropped': all.join(', ') } : {}),
  }
}
