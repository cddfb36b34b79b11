/** The languages that Daybook speaks. A new one is a file beside this and a line here. */
import { en } from './en.ts'
import type { Messages } from './messages.ts'
import { ru } from './ru.ts'

export const languages: Readonly<Record<string, Messages>> = { en, ru }
export const locales = ['en', 'ru'] as const
export type Locale = (typeof locales)[number]

export const messagesFor = (locale: string | undefined): Messages =>
  (locale !== undefined && Object.hasOwn(languages, locale) ? languages[locale] : undefined) ?? en

/** The best language for an Accept-Language header (RFC 9110): by weight, then by order. */
export function localeFrom(acceptLanguage: string | undefined): Locale {
  if (acceptLanguage === undefined) return 'en'
  const wanted = (acceptLanguage ?? '')
    .slice(0, 200)
    .split(',')
    .map((part, index) => {
      const [tag = '', ...parameters] = part.trim().split(';')
      const q = parameters.map((p) => /^\s*q=([01](?:\.\d+)?)\s*$/i.exec(p)?.[1]).find(Boolean)
      return { language: tag.trim().split('-')[0]?.toLowerCase(), weight: Number(q ?? 1), index }
    })
    .filter((entry) => entry.weight > 0)
    .sort((a, b) => b.weight - a.weight || a.index - b.index)
  for (const { language } of wanted) {
    const found = locales.find((locale) => locale === language)
    if (found) return found
  }
  return 'en'
}
