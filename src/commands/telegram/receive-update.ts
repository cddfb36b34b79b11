/**
 * An update of Telegram becomes an event, once: the words to the content store | TelegramUpdateReceived.
 * When it answers, the update is durable, so Telegram may forget it. What nobody asked the bot is not
 * stored at all, and neither is what is too much of somebody (flood.ts).
 */
import { streamName } from '../../domain/decider.ts'
import type { TelegramUpdate } from '../../domain/telegram-update/telegram-update.ts'
import { telegramUpdate, telegramUpdateId } from '../../domain/telegram-update/telegram-update.ts'
import { readContent, storeContent } from '../contents.ts'
import { NAMESPACE, type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'
import { admitUpdate } from './flood.ts'
import { isUrgent, type SeenUpdate, seenUpdate, seenUpdateSchema } from './seen-update.ts'

/**
 * Of the contents. A key for each day, not for each sender: strangers must not fill the key store, and every
 * key is destroyed when its day is some days old.
 */
export const CONTENT_OWNER = 'telegram'

/** The name of a chat or a sender in streams; of a person the same as in their claim. */
export const telegramKeyOf = ({ sealer }: Pick<Deps, 'sealer'>, telegramId: string): string =>
  sealer.hmac('telegram', telegramId)

/** ignored: nothing that the bot reacts to. refused: too much of this sender; nothing is stored. */
export async function receiveTelegramUpdate(
  deps: Deps,
  raw: unknown,
): Promise<'received' | 'known' | 'ignored' | 'refused'> {
  const seen = seenUpdate(raw)
  if (!deps.chat || !seen) return 'ignored'
  const { botId } = deps.chat
  const mark = markOf(deps, seen)
  const id = telegramUpdateId(botId, { updateId: seen.updateId, mark })
  // A repeat is not counted again.
  if ((await deps.streams.load(telegramUpdate, id)).state) return 'known'
  const senderKey = telegramKeyOf(deps, seen.sender.id)
  const chatKey = telegramKeyOf(deps, seen.chat.id)
  const admitted = await admitUpdate(deps, seen, { botId, chatKey, senderKey })
  if (!admitted) return 'refused'
  try {
    const stored = await storeUpdate(deps, seen, { id, botId, mark, chatKey, senderKey })
    // Another delivery of it was quicker, and was counted.
    if (!stored) await admitted.giveBack()
    return stored ? 'received' : 'known'
  } catch (error) {
    // It will come again.
    await admitted.giveBack()
    throw error
  }
}

interface Named {
  readonly id: string
  readonly botId: string
  readonly mark: string
  readonly chatKey: string
  readonly senderKey: string
}

/** False: it was there already. */
async function storeUpdate(
  deps: Deps,
  seen: SeenUpdate,
  { id, botId, mark, chatKey, senderKey }: Named,
): Promise<boolean> {
  const { streams, ids, clock } = deps
  const { updateId, kind } = seen
  const at = clock.now().toISOString()
  const { ref, digest, size } = await storeContent(deps, {
    owner: CONTENT_OWNER,
    day: at,
    part: 'update',
    text: JSON.stringify(seen),
  })
  const { events } = await streams.transact(
    telegramUpdate,
    id,
    {
      type: 'ReceiveUpdate',
      botId,
      updateId,
      mark,
      kind,
      urgent: isUrgent(seen),
      chatKey,
      senderKey,
      saidAt: seen.saidAt ?? at,
      content: { part: 'update', ref, digest, size },
      at,
    },
    step(ids, systemRootOf(deps, id, at), 'receive'),
  )
  return events.length > 0
}

/** What the update is to Telegram, beside its number. */
function markOf({ sealer }: Pick<Deps, 'sealer'>, seen: SeenUpdate): string {
  const { kind, chat, messageId, pressId, saidAt } = seen
  const what = kind === 'button' ? pressId : kind === 'message' ? messageId : saidAt
  return sealer.hmac('telegram', `update/${kind}/${chat.id}/${what}`).slice(0, 16)
}

const rootIdOf = ({ ids }: Pick<Deps, 'ids'>, id: string): string =>
  ids.derive(NAMESPACE, streamName(telegramUpdate.category, id))

const systemRootOf = (deps: Pick<Deps, 'ids'>, id: string, at: string): Root => {
  const rootId = rootIdOf(deps, id)
  const actor = { kind: 'system', name: 'telegram' } as const
  return { id: rootId, actor, at, correlationId: rootId, causationId: rootId }
}

/**
 * The wish that an update is: whoever handles it, and however often, writes the same. It has a digest, so
 * that a question that was asked before finds its call.
 */
export function updateRoot(
  deps: Pick<Deps, 'ids' | 'clock'>,
  id: string,
  person?: { readonly userId: string },
): Root {
  const root = systemRootOf(deps, id, deps.clock.now().toISOString())
  const digest = deps.ids.sha256(root.id)
  if (!person) return { ...root, digest }
  return { ...root, digest, actor: { kind: 'user', id: person.userId, sessionId: SESSION } }
}

/** Whoever acts by the bot has no session: Telegram vouches for each update. */
export const SESSION = 'telegram'

/** undefined: its words are gone. What it throws holds none of them. */
export async function readUpdate(
  deps: Pick<Deps, 'contents' | 'sealer'>,
  { received }: Pick<TelegramUpdate, 'received'>,
): Promise<SeenUpdate | undefined> {
  const text = await readContent(deps, received.content)
  if (text === undefined) return undefined
  const { data: update } = seenUpdateSchema.safeParse(jsonOf(text))
  if (!update) throw new Error('the words of an update are none that can be read')
  return update
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
