/**
 * One execution of a call: asks the provider, hands the text out as it comes, writes down how it ended
 * and settles the hold. It alone may, while its callId stands in the call's last start; a stalled one
 * that comes back late changes nothing.
 *
 * Order at the end: the text is durable, then the terminal event, then the settlement, then the answer.
 */
import type { Prompt } from '../../domain/agent/conversation.ts'
import type { Claim, InvocationCommand, Report } from '../../domain/invocation/commands.ts'
import type { Accepted, Terminal, Usage } from '../../domain/invocation/events.ts'
import { type Invocation, isInCharge } from '../../domain/invocation/invocation.ts'
import type { ModelInput } from '../../domain/model/events.ts'
import type { Position } from '../../ports/event-store.ts'
import { LlmFailure, type LlmResult, type ToolCallDelta } from '../../ports/llm.ts'
import type { Root } from '../context.ts'
import type { Deps } from '../deps.ts'
import { namedModel } from '../model/named-model.ts'
import { askedOf, askProvider } from './ask-provider.ts'
import { type Answered, storeAnswer, wordsOfAnswer } from './answer-text.ts'
import type { SpendShare } from '../spend/ceiling.ts'
import { knownCostOf } from '../spend/cost-of.ts'
import { callsStopped } from '../spend/stopped.ts'
import type { EndedCall } from './ended-call.ts'
import { interruptOwn } from './end-call.ts'
import { decideCall, instantOf, pause, persist } from './flow.ts'
import type { RunningCall } from './running-calls.ts'
import { settleCall } from './settle-call.ts'
import { nextAttempt } from './next-attempt.ts'
import { countedUsage } from './terms.ts'
import { type DeltaListener, TextOut } from './text-out.ts'

/** The call is broken off so long before its deadline, so that its end is written in time. */
const MARGIN_MS = 15_000

export interface Execution {
  readonly call: RunningCall
  readonly prompt: Prompt
  readonly listener: DeltaListener | undefined
  readonly onToolCall?: ((delta: ToolCallDelta) => void) | undefined
  readonly root: Root
  /** Ends with the call. */
  readonly spend: SpendShare
}

/** How an attempt went: what is said of it in the stream, and what had come of an answer. */
interface Outcome {
  readonly command: InvocationCommand
  readonly name: 'completed' | 'failed' | 'canceled'
  readonly answer: Answered
  /** Before another attempt. */
  readonly pauseMs: number
}

/** The claim of one execution on the call's next attempt. */
export const claimOf = (deps: Deps, accepted: Accepted, attempts: number): Claim => ({
  callId: deps.ids.random(),
  runId: deps.settings.runId,
  model: (accepted.chain[attempts] ?? accepted.chain.at(-1))?.model ?? '',
  at: instantOf(deps),
})

/**
 * From a start that stands to the end; then gives back the call's place. undefined: another execution
 * took the call over, or its end could not be written and it is interrupted. Never rejects.
 * @param started the call as it was when `callId` started it
 */
export async function carryOut(
  deps: Deps,
  execution: Execution,
  started: Invocation,
  callId: string,
): Promise<EndedCall | undefined> {
  const { call } = execution
  call.takeOver()
  let ended: EndedCall | undefined
  let brokeOff = false
  try {
    ended = await untilEnded(deps, execution, started, callId)
  } catch (error) {
    brokeOff = true
    deps.logger.error({ invocationId: call.invocationId, error }, 'a call broke off')
  }
  execution.spend.end(knownCostOf(ended?.invocation.end))
  deps.calls.leave()
  call.end(ended)
  // Whoever waits for the call, here or elsewhere, learns of it from the log.
  if (brokeOff && started.accepted) void interruptOwn(deps, started.accepted)
  return ended
}

async function untilEnded(
  deps: Deps,
  execution: Execution,
  started: Invocation,
  callId: string,
): Promise<EndedCall | undefined> {
  const { call, root } = execution
  const { accepted } = started
  if (!accepted) throw new Error('a call that started was accepted')
  const leftMs = Date.parse(accepted.deadline) - deps.clock.now().getTime() - MARGIN_MS
  const limit = setTimeout(() => call.abort('limit'), Math.max(0, leftMs))
  try {
    let [state, inCharge] = [started, callId]
    for (;;) {
      const outcome = await attemptOf(deps, execution, accepted, state, inCharge)
      const { name, command } = outcome
      const attempt = state.attempts.length
      const step = `end:${name}:${attempt}:${inCharge}`
      const { invocationId } = accepted
      const ended = await persist(() => decideCall(deps, root, step, invocationId, command))
      const { end } = ended.state
      // Whether it was written just now or by a try whose answer was lost: the text is here only.
      if (end)
        return end.data.callId === inCharge
          ? await finish(deps, root, ended.state, end, outcome.answer, ended.position)
          : undefined
      if (ended.state.status !== 'accepted') return undefined
      await pause(outcome.pauseMs, call.signal)
      const claim = claimOf(deps, accepted, attempt)
      const next = await startAgain(deps, root, accepted, ended.state, claim)
      if (!next) return undefined
      state = next
      inCharge = claim.callId
    }
  } finally {
    clearTimeout(limit)
  }
}

async function startAgain(
  deps: Deps,
  root: Root,
  { invocationId }: Accepted,
  { attempts }: Invocation,
  claim: Claim,
): Promise<Invocation | undefined> {
  const name = `start:${attempts.length + 1}:${claim.callId}`
  const command = { type: 'StartInvocation', ...claim } as const
  const { state } = await decideCall(deps, root, name, invocationId, command)
  return isInCharge(state, claim.callId) ? state : undefined
}

async function finish(
  deps: Deps,
  root: Root,
  invocation: Invocation,
  end: Terminal,
  answer: Answered,
  position: Position | undefined,
): Promise<EndedCall> {
  deps.feed.publish(end.data.invocationId, { kind: 'end' })
  const settled = await persist(() => settleCall(deps, root, invocation))
  return {
    invocation,
    ...answer,
    balanceNanos: settled.balanceNanos,
    position: settled.position ?? position ?? deps.streams.lastWritten(),
  }
}

/** Asks the provider once. Never throws what the provider does: that is an outcome. */
async function attemptOf(
  deps: Deps,
  { call, prompt, listener, onToolCall }: Execution,
  accepted: Accepted,
  state: Invocation,
  callId: string,
): Promise<Outcome> {
  const attempt = state.attempts.at(-1)
  const name = attempt?.model ?? ''
  const published = await persist(() => namedModel(deps, name))
  if (!published) throw new Error(`the model ${name} of an accepted call was published`)
  const terms = published.terms
  const out = new TextOut(deps.feed, accepted.invocationId, state.attempts.length, listener)
  const from = performance.now()
  let firstByteMs: number | undefined
  const begun = () => void (firstByteMs ??= Math.round(performance.now() - from))
  const onText = (text: string) => {
    begun()
    out.push(text)
  }
  const onCall = (delta: ToolCallDelta) => {
    begun()
    // What was said before it leaves before it.
    out.end()
    onToolCall?.(delta)
  }
  const report = (at: string) => ({
    callId,
    at,
    latencyMs: Math.round(performance.now() - from),
    ...(firstByteMs === undefined ? {} : { firstByteMs }),
  })
  const told = { deps, accepted, terms, prompt }
  try {
    const asked = askedOf(deps.settings, accepted, terms, prompt, state.attempts.length)
    const result = await askProvider(deps, asked, { onText, onToolCall: onCall }, call.signal)
    out.end()
    return await completed(told, result, report(instantOf(deps)))
  } catch (error) {
    if (!(error instanceof LlmFailure)) throw error
    out.end()
    deps.logger.warn(
      {
        invocationId: accepted.invocationId,
        attempt: state.attempts.length,
        reason: error.reason,
        detail: error.detail,
      },
      'the provider gave no whole answer',
    )
    return failed(told, error, report(instantOf(deps)), call, state.attempts.length)
  }
}

interface Told {
  readonly deps: Deps
  readonly accepted: Accepted
  readonly terms: ModelInput
  readonly prompt: Prompt
}

async function completed(told: Told, result: LlmResult, report: Report): Promise<Outcome> {
  const { text, toolCalls, finishReason, providerRequestId } = result
  const answer = { text, toolCalls }
  const [usage, output] = await Promise.all([
    result.usage ? reported(result.usage) : countedOf(told, answer),
    outputOf(told, answer, report.at),
  ])
  const command: InvocationCommand = {
    type: 'CompleteInvocation',
    ...report,
    ...output,
    usage,
    finishReason: finishReason.slice(0, 64),
    ...(providerRequestId === undefined ? {} : { providerRequestId }),
  }
  return { name: 'completed', command, answer, pauseMs: 0 }
}

async function failed(
  told: Told,
  failure: LlmFailure,
  report: Report,
  call: RunningCall,
  attempt: number,
): Promise<Outcome> {
  const { text, toolCalls, firstByte } = failure
  const answer = { text, toolCalls }
  const [usage, output] = await Promise.all([
    usageOf(told, failure),
    wordsOfAnswer(answer) === '' ? {} : outputOf(told, answer, report.at),
  ])
  const said = { ...report, ...output }
  if (failure.reason === 'aborted' && call.reason() !== 'limit') {
    const stopped = usage ?? (await estimatedOf(told, answer))
    const command = { type: 'StopInvocation', ...said, usage: stopped } as const
    return { name: 'canceled', command, answer, pauseMs: 0 }
  }
  const { again, pauseMs } = nextAttempt(told.accepted, failure, attempt)
  const command: InvocationCommand = {
    type: 'FailAttempt',
    ...said,
    reason: failure.reason === 'aborted' ? 'timeout' : failure.reason,
    firstByte,
    // Another attempt would be a new call to a model.
    retry: again && !call.signal.aborted && !(await callsStopped(told.deps)),
    ...(usage === undefined ? {} : { usage }),
  }
  return { name: 'failed', command, answer, pauseMs }
}

const reported = (quantities: NonNullable<LlmResult['usage']>): Usage => ({
  basis: 'reported',
  quantities,
})

async function countedOf({ deps, terms, prompt }: Told, answer: Answered): Promise<Usage> {
  const { exact, quantities } = await countedUsage(deps, terms, prompt, wordsOfAnswer(answer))
  return { basis: exact ? 'counted' : 'estimated', quantities }
}

/** More may have been made than has arrived. */
async function estimatedOf({ deps, terms, prompt }: Told, answer: Answered): Promise<Usage> {
  const { quantities } = await countedUsage(deps, terms, prompt, wordsOfAnswer(answer))
  return { basis: 'estimated', quantities }
}

/** undefined: nothing is known to have been used. */
const usageOf = async (told: Told, failure: LlmFailure): Promise<Usage | undefined> =>
  failure.usage
    ? reported(failure.usage)
    : wordsOfAnswer(failure) === ''
      ? undefined
      : estimatedOf(told, failure)

const outputOf = async ({ deps, accepted }: Told, answer: Answered, at: string) =>
  accepted.store ? { output: await persist(() => storeAnswer(deps, accepted, answer, at)) } : {}
