/**
 * How a mail is put together: the same sentences as plain text and as simple HTML. What people named
 * stays data in both: it is cut, on one line, isolated, so that its direction turns nothing around it, and
 * looks like no address that a mail program would make a link of.
 */
import { name, webAddress } from '../format.ts'
import type { Block, Sentence } from './mail-text.ts'

type Value = Sentence | string | undefined
type Part = Value | false

/** A sentence with all its values; undefined where one of them is missing. */
export function say(strings: TemplateStringsArray, ...values: Value[]): Sentence | undefined {
  if (values.includes(undefined)) return undefined
  return strings.flatMap((literal, index) => {
    const value = values[index] ?? ''
    return [literal, ...(typeof value === 'string' ? [value] : value)]
  })
}

/** What joins the parts of an address, and what browsers take for it (UTS 46). */
const JOINTS = /[.\u3002\uFF0E\uFF61\u2024\uFE52:\uFF1A\uFE55@\uFF20\uFE6B\\\uFF3C](?=\S)/gu

/**
 * A name that is an address, in its plain text or escaped, is made a link by mail programs: Gmail, Outlook and
 * Apple Mail do. A space ends an address for all of them. What cannot be seen may become part
 * of the address; browsers drop U+200B and U+2060 from a host, and the link works after all.
 */
const unlinked = (text: string): string => text.replaceAll(JOINTS, '$& ')

/** What a person named, between the quotation marks of the language. */
export const quoted =
  (open: string, close: string) =>
  (value: unknown): Sentence | undefined => {
    const text = name(value)
    return text === undefined ? undefined : [open, { name: unlinked(text) }, close]
  }

/** Sentences after one another; undefined where none is left. */
export function paragraph(...parts: Part[]): Block | undefined {
  const said = parts.flatMap((part) =>
    part === undefined || part === false || part.length === 0 ? [] : [part],
  )
  if (said.length === 0) return undefined
  return { text: said.flatMap((part, index) => [...(index > 0 ? [' '] : []), ...[part].flat()]) }
}

/** Leads somewhere; left out where there is nowhere to go. */
export function link(label: string, address: unknown): Block | undefined {
  const whole = webAddress(address)
  return whole === undefined ? undefined : { label: [label], link: whole }
}

export const letter = (...blocks: (Block | undefined | false)[]): readonly Block[] =>
  blocks.filter((block) => block !== undefined && block !== false)

/** U+2068 and U+2069: what is between them has a direction of its own. */
const [ISOLATE, END] = ['\u2068', '\u2069']

/** Plain text; a link stands on a line of its own. */
export function asText(blocks: readonly Block[]): string {
  const plain = (sentence: Sentence) =>
    sentence.map((one) => (typeof one === 'string' ? one : ISOLATE + one.name + END)).join('')
  const all = blocks.map((one) =>
    'text' in one ? plain(one.text) : `${plain(one.label)}\n${one.link}`,
  )
  return `${all.join('\n\n')}\n`
}

const STYLE = 'font-family:sans-serif;font-size:16px;line-height:1.5;max-width:36em;margin:1em auto'

/** One document that loads nothing from anywhere. */
export function asHtml(subject: string, locale: string, blocks: readonly Block[]): string {
  const marked = (sentence: Sentence) =>
    sentence
      .map((one) => (typeof one === 'string' ? escaped(one) : `<bdi>${escaped(one.name)}</bdi>`))
      .join('')
  const all = blocks.map((one) => {
    if ('text' in one) return `<p>${marked(one.text)}</p>`
    const address = escaped(one.link)
    return `<p>${marked(one.label)}<br><a href="${address}">${address}</a></p>`
  })
  return [
    '<!doctype html>',
    `<html lang="${escaped(locale)}" dir="ltr">`,
    `<head><meta charset="utf-8"><title>${escaped(subject)}</title></head>`,
    `<body style="${STYLE}">`,
    ...all,
    '</body>',
    '</html>',
    '',
  ].join('\n')
}

const SIGNS: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}
const escaped = (text: string): string => text.replaceAll(/[&<>"']/g, (sign) => SIGNS[sign] ?? '')
