/**
 * How much somebody may write to the bot. Asked before anything of an update is stored, so that a flood
 * fills neither the log nor the disk. What is over the limit is lost on purpose; its sender is told once in
 * a while, by a message that needs nothing stored.
 */
import { telegramClaim } from '../../domain/user/telegram-claim.ts'
import { user } from '../../domain/user/user.ts'
import type { Reservation } from '../../ports/counters.ts'
import type { Deps } from '../deps.ts'
import { loadChat } from './chat-state.ts'
import { isUrgent, type SeenUpdate } from './seen-update.ts'

const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS
/** A group has many members, and is one chat all the same. */
const GROUP_TIMES = 4
/** /stop, /cancel and blocking, of people who are known: they pass beside a flood of their own. */
const URGENT_A_MINUTE = 10
const URGENT_A_DAY = 500

type FloodDeps = Pick<Deps, 'streams' | 'limits' | 'settings' | 'logger' | 'chat' | 'floods'>

export interface Writer {
  readonly botId: string
  readonly chatKey: string
  readonly senderKey: string
}

/** undefined: too much. Else how to give back what it took, for an update that was not stored after all. */
export async function admitUpdate(
  deps: FloodDeps,
  seen: SeenUpdate,
  writer: Writer,
): Promise<{ readonly giveBack: () => Promise<void> } | undefined> {
  const { limits, floods } = deps
  const { state: claim } = await deps.streams.load(telegramClaim, writer.senderKey)
  const userId = claim.held?.userId
  const wanted = windowsOf(deps, seen, writer, userId !== undefined)
  const reserved = await limits.reserve(wanted)
  if (reserved.ok) return { giveBack: () => limits.release(wanted) }
  floods.lost()
  const { windowMs = DAY_MS } = wanted[reserved.index] ?? {}
  if (seen.chat.kind === 'private' && seen.kind === 'message')
    // Whoever asks does not wait for Telegram.
    void tellOnce(deps, seen, { ...writer, userId, windowMs }).catch((error: unknown) =>
      deps.logger.debug({ error }, 'somebody who writes too much was not told'),
    )
  return undefined
}

type Window = Extract<Reservation, { kind: 'window' }>

function windowsOf(
  { settings }: FloodDeps,
  seen: SeenUpdate,
  { chatKey, senderKey }: Writer,
  known: boolean,
): readonly Window[] {
  const most = settings.telegramBot?.most ?? { aMinute: 0, aDay: 0, aDayOfStrangers: 0 }
  const window = (key: string, limit: number, windowMs: number): Window => ({
    kind: 'window',
    key: `telegram/${key}`,
    limit,
    windowMs,
    units: 1,
  })
  if (known && isUrgent(seen))
    return [
      window(`urgent/${senderKey}`, URGENT_A_MINUTE, MINUTE_MS),
      window(`urgent/${senderKey}`, URGENT_A_DAY, DAY_MS),
    ]
  return [
    window(`sender/${senderKey}`, known ? most.aDay : most.aDayOfStrangers, DAY_MS),
    window(`sender/${senderKey}`, most.aMinute, MINUTE_MS),
    ...(seen.chat.kind === 'group'
      ? [window(`chat/${chatKey}`, GROUP_TIMES * most.aMinute, MINUTE_MS)]
      : []),
  ]
}

/** Once in the time of the limit that was met, unless the bot was told to be silent here. */
async function tellOnce(
  { limits, chat, streams, floods }: FloodDeps,
  seen: SeenUpdate,
  to: Writer & { readonly userId: string | undefined; readonly windowMs: number },
): Promise<void> {
  const { userId, windowMs, senderKey } = to
  const key = `telegram/told/${senderKey}`
  const reserved = await limits.reserve([{ kind: 'window', key, limit: 1, windowMs, units: 1 }])
  if (!reserved.ok || (await loadChat({ streams }, to)).voice !== 'free') return
  const person = userId === undefined ? undefined : (await streams.load(user, userId)).state
  const when = windowMs > MINUTE_MS ? 'today' : 'now'
  await chat?.send(seen.chat.id, floods.text(person?.locale ?? seen.sender.language, when))
}
