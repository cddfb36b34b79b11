/**
 * What all built-in pages share: one layout, headers that let nothing in and nothing out (no script, no
 * other host, no frame, no address of the page to anybody), and how a refusal is shown. A page never
 * says more than the problem document would.
 */
import { createHash } from 'node:crypto'
import type { Messages, ProblemCode } from '../../messages/messages.ts'
import type { Words } from '../../messages/site/site.ts'
import { messagesFor } from '../../messages/index.ts'
import { publicFacts } from '../../messages/public-facts.ts'
import { type Problem, statusOf } from '../errors.ts'
import type { Answer, RefusalPage } from '../route.ts'
import { type Html, markup } from './html.ts'
import { STYLE } from './style.ts'

const digest = createHash('sha256').update(String(STYLE)).digest('base64')
const ICON = `data:image/svg+xml,${encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><rect x="3" y="2" width="18" height="20" rx="3" fill="#0b57c2"/><path d="M8 8h8M8 12h8M8 16h5" stroke="#fff" stroke-width="2" stroke-linecap="round"/></svg>',
)}`
const LOGO = markup`<svg viewBox="0 0 24 24" aria-hidden="true">
<path fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round"
d="M6 3h12a2 2 0 0 1 2 2v14a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2zM8 8h8M8 12h8M8 16h5"/></svg>`
/** A sign in a circle, in the colour of its class. Beside it stand words: nobody needs to see it. */
const sign = (colour: 'good' | 'bad', path: string): Html =>
  markup`<svg class="mark ${colour}" viewBox="0 0 24 24" aria-hidden="true">
<g fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round">
<circle cx="12" cy="12" r="10"/><path d="${path}"/></g></svg>`
const TICK = sign('good', 'M7.5 12.5l3 3 6-6.5')
const STOP = sign('bad', 'M12 7v6M12 16.5v.5')

export interface Page {
  readonly status?: number
  readonly title: string
  readonly body: Html
  readonly position?: bigint | undefined
  /** What this page may load besides nothing: directives in place of those of all pages. */
  readonly csp?: Readonly<Record<string, string>>
}

/** Whose pages they are, and in which language. */
export interface Setting {
  readonly messages: Messages
  readonly publicUrl: string
}

/** The name that people know, where there is one. */
const nameOf = (publicUrl: string): string => {
  const { hostname } = new URL(publicUrl)
  return /[a-z]/i.test(hostname) && hostname.includes('.') ? hostname : 'Daybook'
}

const POLICY: Readonly<Record<string, string>> = {
  'default-src': "'none'",
  'style-src': `'sha256-${digest}'`,
  'img-src': 'data:',
  'form-action': "'self'",
  'base-uri': "'none'",
  'frame-ancestors': "'none'",
}

export function show({ messages, publicUrl }: Setting, page: Page): Answer<string> {
  const name = nameOf(publicUrl)
  const policy = { ...POLICY, ...page.csp }
  const text = markup`<!doctype html>
<html lang="${messages.locale}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${page.title} · ${name}</title>
<link rel="icon" href="${ICON}">
<style>${STYLE}</style>
</head>
<body>
<header>${LOGO}<span>${name}</span></header>
<main>${page.body}</main>
</body>
</html>
`
  return {
    status: page.status ?? 200,
    body: String(text),
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-language': messages.locale,
      'content-security-policy': Object.entries(policy)
        .map((directive) => directive.join(' '))
        .join('; '),
      'referrer-policy': 'no-referrer',
      'x-frame-options': 'DENY',
    },
    ...(page.position === undefined ? {} : { position: page.position }),
  }
}

/** The end of the matter. */
export const done = (
  setting: Setting,
  { title, text }: Words,
  { position, more }: { readonly position?: bigint | undefined; readonly more?: Html } = {},
): Answer<string> =>
  show(setting, {
    title,
    position,
    body: markup`${TICK}
      <h1>${title}</h1>
      <p>${text}</p>
      ${more}`,
  })

/** A refusal in the words of the pages. */
export function wordsOf(
  { site, problems }: Messages,
  { code, facts }: Pick<Problem, 'code' | 'facts'>,
): Words {
  const own = site.problems[code]
  if (own) return own
  const { title, detail } = problems[code]
  return { title, text: detail(publicFacts(facts)) }
}

/** What went wrong, above a form that can be sent again. */
export const note = (words: Words | undefined): Html | undefined =>
  words &&
  markup`<div class="note" role="alert"><strong>${words.title}</strong> ${words.text}</div>`

interface RefusalOptions {
  readonly requestId?: string
  /** In place of what all pages say. */
  readonly words?: Words
  readonly more?: Html
}

/** A page that has only a refusal to show. */
export function refused(
  setting: Setting,
  problem: Pick<Problem, 'code' | 'facts'>,
  { requestId, words, more }: RefusalOptions = {},
): Answer<string> {
  const { title, text } = words ?? wordsOf(setting.messages, problem)
  const status = statusOf[problem.code]
  const support =
    requestId === undefined || !isOurs(problem.code)
      ? undefined
      : markup`<p class="small">${setting.messages.site.problemCode}: <code>${requestId}</code></p>`
  return show(setting, {
    status,
    title,
    body: markup`${STOP}
      <h1>${title}</h1>
      <p>${text}</p>
      ${more}${support}`,
  })
}

/** Nobody but us can do anything about it. */
const isOurs = (code: ProblemCode): boolean => statusOf[code] >= 500

/** For what is refused before a page's own code runs. */
export const refusalPage =
  (publicUrl: string): RefusalPage =>
  (problem, request, messages) =>
    refused({ messages, publicUrl }, problem, { requestId: request.id })

/** The language of the mail where there is one, else the browser's. */
export const settingFor = (
  publicUrl: string,
  messages: Messages,
  locale: string | undefined,
): Setting => ({ publicUrl, messages: locale === undefined ? messages : messagesFor(locale) })
