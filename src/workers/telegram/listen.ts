/**
 * How the bot hears: it asks Telegram for updates, or tells it where to send them. Of several processes one
 * does, under a lease: Telegram takes one asker for a bot. Each update is in the log before the next
 * question confirms it.
 */
import { receiveTelegramUpdate } from '../../commands/telegram/receive-update.ts'
import { botCommands } from '../../domain/telegram-update/events.ts'
import { botLanguages, botMessagesFor } from '../../messages/bot/index.ts'
import { ChatCallRefused, type MenuEntry } from '../../ports/chat-channel.ts'
import { Unavailable } from '../../ports/unavailable.ts'
import { pause } from '../../projections/pause.ts'
import type { BotDeps } from './turn.ts'

export const WEBHOOK_PATH = '/webhooks/telegram'
const WAIT_SECONDS = 25
const AGAIN_MS = 1_000
const LONGEST_MS = 30_000
/** A wrong token, or another asker: somebody has to do something about it. */
const REFUSED_MS = 15_000

/** Until `signal` aborts. */
export async function listen(deps: BotDeps, signal: AbortSignal): Promise<void> {
  const { chat, settings } = deps
  const { updates, webhookSecret = '' } = settings.telegramBot ?? {}
  const webhook = { url: `${settings.publicUrl}${WEBHOOK_PATH}`, secret: webhookSecret }
  await patiently(deps, signal, () => chat.deliverTo(updates === 'webhook' ? webhook : undefined))
  await patiently(deps, signal, () => keepMenus(deps))
  deps.logger.info({ updates }, 'the bot listens')
  if (updates === 'polling') await poll(deps, signal)
  else await aborted(signal)
}

async function poll(deps: BotDeps, signal: AbortSignal): Promise<void> {
  let after: number | undefined
  while (!signal.aborted) {
    await patiently(deps, signal, async () => {
      const batch = await deps.chat.updates({ after, waitSeconds: WAIT_SECONDS, signal })
      // All is confirmed then. Numbers may begin anew after a quiet week, below the last one.
      if (batch.length === 0) after = undefined
      for (const update of batch) {
        await take(deps, update)
        after = Math.max(after ?? 0, numberOf(update) ?? 0)
      }
    })
  }
}

/** One that cannot be read must not keep the others waiting. */
async function take(deps: BotDeps, update: unknown): Promise<void> {
  try {
    await receiveTelegramUpdate(deps, update)
  } catch (error) {
    if (error instanceof Unavailable) throw error
    const number = numberOf(update)
    deps.logger.error({ update: number, error }, 'an update of Telegram could not be taken')
  }
}

function numberOf(update: unknown): number | undefined {
  const { update_id: number } = (update ?? {}) as { update_id?: unknown }
  return typeof number === 'number' ? number : undefined
}

/** Again until it is done, or `signal` aborts. */
async function patiently(
  { logger }: BotDeps,
  signal: AbortSignal,
  work: () => Promise<void>,
): Promise<void> {
  for (let tries = 0; !signal.aborted; tries++) {
    try {
      await work()
      return
    } catch (error) {
      // A function: it may have aborted meanwhile.
      if (isAborted(signal)) return
      const refused = error instanceof ChatCallRefused
      logger.warn({ error }, 'the bot cannot hear: it tries again')
      const later = Math.min(AGAIN_MS * 2 ** tries, LONGEST_MS) * (0.5 + Math.random() / 2)
      await pause(refused ? REFUSED_MS : later, signal)
    }
  }
}

const isAborted = (signal: AbortSignal): boolean => signal.aborted

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })

/** The menus as they should be; those that are so already are left alone. */
async function keepMenus({ chat, settings }: BotDeps): Promise<void> {
  const offered = botCommands.filter(
    (command) => command !== 'subscribe' || settings.telegramBot?.subscribe,
  )
  for (const language of [undefined, ...Object.keys(botLanguages)]) {
    const { menu } = botMessagesFor(language)
    const wanted = offered.map((command) => ({ command, description: menu[command] }))
    if (!sameMenu(await chat.menu(language), wanted)) await chat.setMenu(language, wanted)
  }
}

const sameMenu = (a: readonly MenuEntry[], b: readonly MenuEntry[]): boolean =>
  a.length === b.length &&
  a.every(
    ({ command, description }, index) =>
      command === b[index]?.command && description === b[index].description,
  )
