/**
 * Telegram wants about one message a second in a chat, and fewer in a group. Whatever goes to one chat goes
 * in turn, so that a wait that Telegram asks for holds back what comes after it, too.
 */
import { setTimeout as delay } from 'node:timers/promises'

export interface Pace {
  readonly privateMs: number
  readonly groupMs: number
}

/** Chats that were quiet for a while are forgotten. */
const MAX_CHATS = 10_000

export function createPace({ privateMs, groupMs }: Pace) {
  const chats = new Map<string, { turn: Promise<unknown>; freeAt: number }>()

  function chatOf(chatId: string) {
    let chat = chats.get(chatId)
    if (!chat) {
      const now = performance.now()
      if (chats.size >= MAX_CHATS)
        for (const [id, { freeAt }] of chats) if (freeAt < now) chats.delete(id)
      chat = { turn: Promise.resolve(), freeAt: 0 }
      chats.set(chatId, chat)
    }
    return chat
  }

  return {
    /** Runs `send` when it is this chat's time. */
    inTurn<T>(chatId: string, send: () => Promise<T>): Promise<T> {
      const chat = chatOf(chatId)
      const between = chatId.startsWith('-') ? groupMs : privateMs
      const run = async () => {
        const wait = chat.freeAt - performance.now()
        if (wait > 0) await delay(wait)
        try {
          return await send()
        } finally {
          chat.freeAt = performance.now() + between
        }
      }
      const done = chat.turn.then(run, run)
      chat.turn = done.catch(() => undefined)
      return done
    },
  }
}
