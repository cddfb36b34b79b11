/** What the bot says, by language. A new one is a file beside this and a line here. */
import type { Locale } from '../index.ts'
import type { BotMessages } from './bot.ts'
import { botEn } from './en.ts'
import { botRu } from './ru.ts'

export type { BotMessages } from './bot.ts'

export const botLanguages: Readonly<Record<Locale, BotMessages>> = { en: botEn, ru: botRu }

export const botMessagesFor = (locale: string | undefined): BotMessages =>
  Object.entries(botLanguages).find(([name]) => name === locale)?.[1] ?? botEn
