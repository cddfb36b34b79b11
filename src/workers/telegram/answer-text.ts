/**
 * An answer that is edited in as it comes: painted as often as the chat's pace lets through, always with
 * the newest text; further messages begin where one is full. Painting on the way may fail, for the end
 * says everything again; the end may not.
 */
import type { DeltaListener } from '../../commands/invocation/text-out.ts'
import { ChatUnreachable } from '../../ports/chat-channel.ts'
import { Unavailable } from '../../ports/unavailable.ts'
import { plainText, splitText } from './split-text.ts'
import type { Turn } from './turn.ts'

/** `typing` shows for about five seconds. */
const TYPING_EVERY_MS = 4_000
const TRIES = 3
const TRY_AGAIN_MS = 400

export interface AnswerText {
  readonly onDelta: DeltaListener
  /** What has come so far. */
  readonly soFar: string
  /** The whole of it, for good. False: the bot may not write here any more. */
  finish(text: string): Promise<boolean>
  /** Nothing more is painted. */
  stop(): Promise<void>
}

interface Shown {
  readonly messageId: number
  text: string
}

export function startAnswer(turn: Turn): AnswerText {
  const { deps, update } = turn
  const { chat, logger } = deps
  const shown: Shown[] = []
  let text = ''
  let attempt = 0
  let over = false
  let changed = Promise.withResolvers<void>()

  const showTyping = () => void chat.typing(update.chat.id).catch(() => undefined)
  showTyping()
  const typing = setInterval(() => {
    if (shown.length === 0) showTyping()
  }, TYPING_EVERY_MS)
  typing.unref()

  /** False: the bot may not write here now. */
  async function paint(whole: string): Promise<boolean> {
    for (const [index, part] of splitText(plainText(whole)).entries()) {
      const there = shown[index]
      if (there?.text === part) continue
      if (!there) {
        const messageId = await turn.write(part, {})
        if (messageId === undefined) return false
        shown.push({ messageId, text: part })
      } else {
        if (!(await turn.mayWrite())) return false
        await chat.edit(update.chat.id, there.messageId, part)
        there.text = part
      }
    }
    return true
  }

  async function paintOn(): Promise<void> {
    for (;;) {
      await changed.promise
      changed = Promise.withResolvers<void>()
      if (over) return
      try {
        await paint(text)
      } catch (error) {
        if (error instanceof ChatUnreachable) return
        logger.debug({ error }, 'an answer was not painted on the way')
      }
    }
  }
  const painting = paintOn()

  async function stop(): Promise<void> {
    over = true
    changed.resolve()
    clearInterval(typing)
    await painting
  }

  return {
    onDelta(delta) {
      if (delta.attempt !== attempt) text = ''
      attempt = delta.attempt
      text += delta.text
      changed.resolve()
    },
    get soFar() {
      return text
    },
    async finish(whole) {
      await stop()
      for (let attempts = 1; ; attempts++) {
        try {
          return await paint(whole)
        } catch (error) {
          if (!(error instanceof Unavailable) || attempts === TRIES) throw error
          await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN_MS * attempts))
        }
      }
    },
    stop,
  }
}
