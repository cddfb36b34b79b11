/**
 * Where Telegram sends what people write to the bot. The secret that it shows is checked before anything
 * looks at the body; 200 is said when the update is in the log, and handling it is a worker's.
 */
import { z } from 'zod'
import type { Deps } from '../commands/deps.ts'
import { receiveTelegramUpdate } from '../commands/telegram/receive-update.ts'
import { Refusal } from '../domain/refusal.ts'
import { type AnyRoute, route } from './route.ts'

/** Telegram's longest message has 32,768 characters, and may answer another one. */
const BODY_LIMIT = 512 * 1024

const update = z
  .looseObject({ update_id: z.int() })
  .meta({ id: 'TelegramUpdate', description: 'An update as the Bot API documents it.' })

export const telegramWebhookRoute = (deps: Deps): AnyRoute =>
  route({
    method: 'POST',
    path: '/webhooks/telegram',
    tag: 'webhooks',
    summary: 'Take an update of Telegram',
    description:
      '`X-Telegram-Bot-Api-Secret-Token` has to be ours. 200: the update is stored, and handled soon ' +
      'afterwards, or it is nothing that the bot reacts to, or more than its sender may write. A repeat ' +
      'changes nothing.',
    access: { actor: 'anyone', resource: 'webhook', action: 'receive', limits: ['webhook'] },
    rawBody: update,
    bodyLimit: BODY_LIMIT,
    answers: { 200: { description: 'Taken.', schema: z.strictObject({ ok: z.literal(true) }) } },
    problems: ['telegram_off', 'unauthenticated'],
    async handler({ bytes, request }) {
      const { webhookSecret } = deps.settings.telegramBot ?? {}
      if (webhookSecret === undefined) throw new Refusal('telegram_off')
      const shown = request.headers['x-telegram-bot-api-secret-token']
      const digest = (text: string) => deps.ids.sha256(text)
      // Of digests nobody learns anything by the time that comparing them takes.
      if (typeof shown !== 'string' || digest(shown) !== digest(webhookSecret))
        throw new Refusal('unauthenticated')
      const outcome = await receiveTelegramUpdate(deps, jsonOf(bytes))
      if (outcome === 'ignored') deps.logger.debug({}, 'an update that the bot does not react to')
      return { body: { ok: true }, position: deps.streams.lastWritten() }
    },
  })

/** What cannot be read is nothing to react to: Telegram would send it again and again. */
function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes))
  } catch {
    return undefined
  }
}
