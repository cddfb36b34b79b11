/**
 * A question to an agent: the same call as at every other door, under the identity of the update. Asked
 * again, after a crash say, it joins the call that runs or tells its answer again, and is paid once.
 */
import type { AccessRule } from '../../commands/access.ts'
import { answered, chargeOf, type EndedCall } from '../../commands/invocation/ended-call.ts'
import { NoLongerFollowed } from '../../commands/invocation/follow-call.ts'
import { invokeAgent } from '../../commands/invocation/invoke-agent.ts'
import { loadChat } from '../../commands/telegram/chat-state.ts'
import { CURRENCY, nanosToShort } from '../../domain/money.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { UpdateOutcome } from '../../domain/telegram-update/events.ts'
import type { User } from '../../domain/user/user.ts'
import { Unavailable } from '../../ports/unavailable.ts'
import { listAgents, usableAgents } from './agents.ts'
import { startAnswer } from './answer-text.ts'
import { refusalText } from './refusal-text.ts'
import { admitted, type Turn } from './turn.ts'

const RULE: AccessRule = {
  actor: 'user',
  role: 'member',
  resource: 'agent',
  action: 'invoke',
  limits: ['invoke'],
}

export const amountText = (nanos: bigint): string => `${nanosToShort(nanos)} ${CURRENCY}`

export async function ask(turn: Turn, person: User, question: string): Promise<UpdateOutcome> {
  const { deps, texts, root, senderKey } = turn
  if (question === '') return turn.say(texts.ask.usage)
  const actor = await admitted(turn, person, RULE)
  const { agents } = await loadChat(deps, turn.place)
  const agentId = agents.get(senderKey)?.id ?? (await onlyAgent(turn, actor.orgId))
  if (agentId === undefined) return listAgents(turn, person)
  const answer = startAnswer(turn)
  try {
    const { ended } = await invokeAgent(
      deps,
      actor,
      { ...root, orgId: actor.orgId },
      { agentId, input: question },
      // Nobody leaves: only /cancel ends it, and that asks the call itself.
      { respond: 'wait', signal: new AbortController().signal, onDelta: answer.onDelta },
    )
    if (!ended) throw new Error('somebody waits for this call')
    return await tell(turn, await ended, answer)
  } catch (error) {
    await answer.stop()
    // This process stops; whoever handles the update next follows the call on.
    if (error instanceof NoLongerFollowed) throw new Unavailable('the answer', error)
    throw error
  }
}

async function onlyAgent({ deps }: Turn, orgId: string): Promise<string | undefined> {
  const [first, ...others] = await usableAgents(deps, orgId, 2)
  return others.length === 0 ? first?.agentId : undefined
}

async function tell(
  turn: Turn,
  ended: EndedCall,
  answer: ReturnType<typeof startAnswer>,
): Promise<UpdateOutcome> {
  const { texts } = turn
  try {
    const { end, text } = answered(ended)
    const said = text.trim() === '' ? texts.ask.empty : text
    const cost = texts.cost(amountText(chargeOf(ended.invocation)))
    const notes = [
      ...(end.type === 'InvocationCanceled' ? [texts.ask.canceled] : []),
      end.data.of?.practice ? `${cost}, ${texts.practice}` : cost,
    ]
    return (await answer.finish([said, ...notes].join('\n\n'))) ? 'answered' : 'silent'
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    const why = refusalText(turn, error)
    const begun = answer.soFar.trim()
    const whole = begun === '' ? why : `${begun}\n\n${why}`
    return (await answer.finish(whole)) ? 'refused' : 'silent'
  }
}
