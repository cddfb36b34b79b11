/**
 * The updates of a chat, one after the other, oldest first; of many chats each in its turn: a job handles one
 * update and then goes to the end of the line, so that whoever floods waits behind everybody else. A lease
 * keeps two workers from one chat; it saves double replies and guards nothing else, since every effect has an
 * identity of its own. /cancel and /stop do not wait in the row: they have a queue of their own.
 */
import type { Deps } from '../../commands/deps.ts'
import { streamName } from '../../domain/decider.ts'
import { telegramChatId, telegramUpdate } from '../../domain/telegram-update/telegram-update.ts'
import type { StoredEvent } from '../../ports/event-store.ts'
import { unhandledIn, unhandledUpdates } from '../../projections/unhandled-updates.ts'
import type { Sweep, Worker } from '../worker.ts'
import { handleUpdate } from './handle-update.ts'
import type { BotDeps } from './turn.ts'

export const CHATS = 'telegram-chats'
export const URGENT = 'telegram-urgent'
/** A dead worker's chat is free after this. */
const LEASE_MS = 15_000
const VIEWS_WITHIN_MS = 2_000
/** A place in a line that was lost is given again after this. */
const IN_LINE_MS = 60_000

interface ChatJob {
  readonly chat: string
  /** The chat's turn that this is, where it has had one before. */
  readonly turn?: string
}
interface UrgentJob {
  readonly id: string
}

const idOf = ({ stream }: StoredEvent): string => stream.slice(PREFIX.length)
const PREFIX = streamName(telegramUpdate.category, '')

export const telegramChats = (deps: BotDeps): Worker => ({
  name: CHATS,
  // Each may follow an answer for minutes; it waits and hardly works.
  concurrency: 32,
  on: {
    TelegramUpdateReceived(event) {
      const { botId, chatKey, urgent } = event.data
      if (urgent === true) return undefined
      const payload: ChatJob = { chat: telegramChatId(String(botId), String(chatKey)) }
      return { id: idOf(event), payload }
    },
  },
  handle: (job: ChatJob) => handleChat(deps, job),
})

export const telegramUrgent = (deps: BotDeps): Worker => ({
  name: URGENT,
  concurrency: 8,
  on: {
    TelegramUpdateReceived: (event) =>
      event.data['urgent'] === true ? { id: idOf(event), payload: { id: idOf(event) } } : undefined,
  },
  handle: async ({ id }: UrgentJob) => {
    await underLease(deps, id, () => handleUpdate(deps, id))
  },
})

/** One update, the oldest. A chat has one place in the line, whatever came of it meanwhile. */
async function handleChat(deps: BotDeps, { chat, turn }: ChatJob): Promise<void> {
  const place = `telegram-line:${chat}`
  const { counters, ids, jobs, streams, views } = deps
  const ahead = (await counters.get(place)) ?? ''
  if (ahead !== '' && ahead !== turn) return
  if (ahead !== '') await counters.set(place, '', 1)
  const next = async () => (await unhandledIn(views, chat)).find(({ urgent }) => !urgent)
  const held = await underLease(deps, chat, async () => {
    const one = await next()
    if (one) await handleUpdate(deps, one.id)
  })
  await views.passed(streams.lastWritten(), VIEWS_WITHIN_MS)
  if (!(await next())) return
  // Whoever has the lease looks again after giving it back: what came meanwhile is theirs. Unless they died.
  if (!held) return lookLater(deps, chat)
  const following: ChatJob = { chat, turn: ids.random() }
  await counters.set(place, following.turn ?? '', IN_LINE_MS)
  await jobs.add(CHATS, [{ id: `turn-${following.turn}`, payload: following }])
}

/** When the lease has run out, or been renewed, and not more often. */
async function lookLater({ jobs, clock }: BotDeps, chat: string): Promise<void> {
  const turn = Math.floor(clock.now().getTime() / LEASE_MS)
  const payload: ChatJob = { chat }
  await jobs.add(CHATS, [{ id: `later-${chat}-${turn}`, payload, delayMs: LEASE_MS + 500 }])
}

/** False: another one works on it. */
async function underLease(
  { counters, ids, logger }: Pick<Deps, 'counters' | 'ids' | 'logger'>,
  name: string,
  work: () => Promise<void>,
): Promise<boolean> {
  const lease = {
    kind: 'lease',
    key: `telegram:${name}`,
    limit: 1,
    ttlMs: LEASE_MS,
    holder: ids.random(),
  } as const
  if (!(await counters.reserve([lease])).ok) return false
  const renewing = setInterval(() => {
    counters
      .reserve([lease])
      .catch((error: unknown) => logger.debug({ error }, 'a chat’s lease was not renewed'))
  }, LEASE_MS / 3)
  renewing.unref()
  try {
    await work()
  } finally {
    clearInterval(renewing)
    await counters.release([lease]).catch(() => undefined)
  }
  return true
}

/** Updates that nobody handles: their job was lost, or whoever worked on them died. */
export const unhandledUpdatesSweep = (deps: BotDeps): Sweep => ({
  name: CHATS,
  async run(signal) {
    const oldest = new Map<string, string>()
    const urgent: string[] = []
    for await (const { document } of deps.views.all(unhandledUpdates)) {
      if (signal.aborted) return 0
      const { id, chat } = document
      if (document.urgent) urgent.push(id)
      else if (!oldest.has(chat)) oldest.set(chat, id)
    }
    // Under names of their own: the update's own job may belong to a worker that died.
    const swept = (id: string) => `sweep-${id}`
    const chats = [...oldest].map(([chat, id]) => ({ id: swept(id), payload: { chat } }))
    if (chats.length > 0) await deps.jobs.add(CHATS, chats)
    if (urgent.length > 0)
      await deps.jobs.add(
        URGENT,
        urgent.map((id) => ({ id: swept(id), payload: { id } })),
      )
    return chats.length + urgent.length
  },
})
