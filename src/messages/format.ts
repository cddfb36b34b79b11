/**
 * How facts get into sentences. Facts may be missing or of another shape: a sentence that needs a
 * missing fact is left out, never printed with a hole in it. Nothing but numbers, amounts, names that
 * were cut and web addresses is ever taken out of a fact.
 */
import { type KeyScope, keyScopes } from '../domain/api-key/events.ts'
import type { Facts, ProblemText } from './messages.ts'

const MAX_NAME = 64
const MAX_NAMES = 10
// Line breaks and direction marks could make a quoted name look like a text of ours.
const CONTROLS = /[\p{Cc}\p{Zl}\p{Zp}\u202A-\u202E\u2066-\u2069]+/gu

type Part = string | undefined | false

/** A sentence with all its values; undefined where one of them is missing. */
export function given(
  strings: TemplateStringsArray,
  ...values: (string | undefined)[]
): string | undefined {
  return values.includes(undefined) ? undefined : String.raw({ raw: strings }, ...values)
}

export const sentences = (...parts: Part[]): string => parts.filter(Boolean).join(' ')

export const problem = (
  title: string,
  detail: string | ((facts: Facts) => string),
): ProblemText => ({
  title,
  detail: typeof detail === 'string' ? () => detail : detail,
})

/** The first of these facts that is there: JSON's spelling and the domain's. */
export function pick(facts: Facts, ...fields: string[]): unknown {
  for (const field of fields) if (Object.hasOwn(facts, field)) return facts[field]
  return undefined
}

/** A whole number as digits: also as a text, since a mail's facts are texts. */
export function whole(value: unknown): string | undefined {
  if (typeof value === 'string') return /^(0|[1-9]\d{0,17})$/.test(value) ? value : undefined
  const known = typeof value === 'bigint' || Number.isSafeInteger(value)
  return known && Number(value) >= 0 ? String(value) : undefined
}

/** `{ amount, currency }` as `0.003807000 USD`. */
export function amount(value: unknown): string | undefined {
  const { amount: units, currency } = recordOf(value)
  return typeof units === 'string' &&
    /^-?\d{1,19}(\.\d{1,9})?$/.test(units) &&
    typeof currency === 'string' &&
    /^[A-Z]{3}$/.test(currency)
    ? `${units} ${currency}`
    : undefined
}

/** A name that a person gave: on one line, at most 64 characters. */
export function name(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined
  const characters = Array.from(
    value.slice(0, 1_000).toWellFormed().replaceAll(CONTROLS, ' ').trim(),
  )
  const cut =
    characters.length > MAX_NAME
      ? `${characters.slice(0, MAX_NAME - 1).join('')}…`
      : characters.join('')
  return cut === '' ? undefined : cut
}

/** The names in a list of texts or of `{ name, … }`, as `render` puts them; undefined for none. */
export function names(
  value: unknown,
  render: (text: string, entry: Readonly<Record<string, unknown>>) => string,
): string | undefined {
  if (!Array.isArray(value)) return undefined
  const shown = value.slice(0, MAX_NAMES).flatMap((entry: unknown) => {
    const record = recordOf(entry)
    const text = name(typeof entry === 'string' ? entry : record['name'])
    return text === undefined ? [] : [render(text, record)]
  })
  if (shown.length === 0) return undefined
  return shown.join(', ') + (value.length > MAX_NAMES ? ', …' : '')
}

/** A time as events say it, as `2030-01-31 00:00 UTC`. */
export const moment = (value: unknown): string | undefined =>
  typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:[\d.]+Z$/.test(value)
    ? `${value.slice(0, 10)} ${value.slice(11, 16)} UTC`
    : undefined

/** A web address, whole: one that is cut leads nowhere. */
export const webAddress = (value: unknown): string | undefined =>
  typeof value === 'string' && /^https?:\/\/[\x21-\x7e]{1,2000}$/.test(value) ? value : undefined

/** The text for a code that a fact names; undefined for a code that has none. */
export const textOf = <T>(texts: Readonly<Record<string, T>>, code: unknown): T | undefined =>
  typeof code === 'string' && Object.hasOwn(texts, code) ? texts[code] : undefined

/** What a key may be allowed, as a refusal names it. */
export const isScope = (value: unknown): value is KeyScope =>
  keyScopes.some((scope) => scope === value)

export const recordOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}

/** `5 characters` in a language whose nouns have one form for 1 and its like, and one for the rest. */
export function counter(locale: string) {
  const rules = new Intl.PluralRules(locale)
  return (value: unknown, one: string, other: string): string | undefined => {
    const digits = whole(value)
    return digits && `${digits} ${rules.select(Number(digits)) === 'one' ? one : other}`
  }
}

/** The first three of a template's problems, as `place: what`; `place` is where it stands. */
export function templateProblems(
  facts: Facts,
  what: Readonly<Record<string, (name: string) => string>>,
  place: (where: string, line: string | undefined) => string,
): string | undefined {
  const listed = pick(facts, 'problems', 'issues')
  if (!Array.isArray(listed)) return undefined
  const shown = listed.flatMap((entry: unknown) => {
    const record = recordOf(entry)
    const where = name(pick(record, 'where', 'in'))
    const text = textOf(what, record['code'])?.(name(record['name']) ?? '')
    return where === undefined
      ? []
      : [place(where, whole(record['line'])) + (text ? `: ${text}` : '')]
  })
  if (shown.length === 0) return undefined
  return shown.slice(0, 3).join('; ') + (shown.length > 3 ? '; …' : '.')
}
