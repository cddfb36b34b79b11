/**
 * The OpenAPI document as one HTML page: a table of contents, each operation with what it takes and
 * answers, and every problem code. Made of text that is escaped, without scripts.
 */
import { en } from '../messages/en.ts'
import type { ProblemCode } from '../messages/messages.ts'
import { statusOf } from './errors.ts'

interface Schema {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly description?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly pattern?: string
  readonly maxLength?: number
  readonly format?: string
}
interface Operation {
  readonly operationId: string
  readonly tags: readonly string[]
  readonly summary: string
  readonly description?: string
  readonly security?: readonly unknown[]
  readonly 'x-access': { readonly actor: string; readonly role?: string }
  readonly parameters: readonly {
    readonly name: string
    readonly in: string
    readonly required: boolean
    readonly description?: string
    readonly schema: Schema
  }[]
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> }
  readonly responses: Readonly<
    Record<
      string,
      {
        readonly description: string
        readonly content?: Readonly<Record<string, { readonly schema: Schema }>>
      }
    >
  >
}
interface Document {
  readonly info: { readonly title: string; readonly version: string; readonly description: string }
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> }
}

const escape = (text: unknown): string =>
  String(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')

/** Paragraphs with `code` in them. */
const prose = (text = ''): string =>
  text
    .split('\n\n')
    .filter(Boolean)
    .map((one) => `<p>${escape(one).replaceAll(/`([^`]+)`/g, '<code>$1</code>')}</p>`)
    .join('\n')

export function referencePage(document: Document): string {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, one]) => ({ path, method: method.toUpperCase(), one })),
  )
  const tags = [...new Set(operations.map(({ one }) => one.tags[0] ?? ''))]
  const { info } = document
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escape(info.title)} API</title><style>${STYLE}</style></head><body>
<nav><h1>${escape(info.title)} <small>${escape(info.version)}</small></h1>
${tags.map((tag) => contents(tag, operations)).join('\n')}
<h2><a href="#problems">problems</a></h2></nav>
<main>${prose(info.description)}
${tags
  .map(
    (tag) =>
      `<h2>${escape(tag)}</h2>${operations
        .filter(({ one }) => one.tags[0] === tag)
        .map(({ path, method, one }) => section(document, path, method, one))
        .join('\n')}`,
  )
  .join('\n')}
${problems()}
</main></body></html>
`
}

type Listed = { readonly path: string; readonly method: string; readonly one: Operation }

const contents = (tag: string, operations: readonly Listed[]): string =>
  `<h2>${escape(tag)}</h2><ul>${operations
    .filter(({ one }) => one.tags[0] === tag)
    .map(
      ({ path, method, one }) =>
        `<li><a href="#${one.operationId}"><b>${method}</b> ${escape(path)}</a></li>`,
    )
    .join('')}</ul>`

function section(document: Document, path: string, method: string, one: Operation): string {
  const access =
    one['x-access'].role === undefined
      ? one['x-access'].actor
      : `${one['x-access'].actor}, at least ${one['x-access'].role}`
  const body = Object.values(one.requestBody?.content ?? {})[0]?.schema
  return `<section id="${one.operationId}"><h3><b class="${method}">${method}</b> ${escape(path)}</h3>
<p>${escape(one.summary)} <span class="who">${escape(access)}</span></p>
${prose(one.description)}
${one.parameters.length > 0 ? `<h4>Parameters</h4>${parameters(document, one)}` : ''}
${body ? `<h4>Body</h4>${fields(document, body, 0)}` : ''}
<h4>Answers</h4><dl>${Object.entries(one.responses)
    .map(([status, answer]) => response(document, status, answer))
    .join('')}</dl></section>`
}

const parameters = (document: Document, one: Operation): string =>
  `<table>${one.parameters
    .map(
      (p) =>
        `<tr><td><code>${escape(p.name)}</code>${p.required ? '' : ' <i>optional</i>'}</td>` +
        `<td>${escape(p.in)}</td><td><span class="type">${typeOf(document, p.schema)}</span> ${escape(p.description ?? '')}</td></tr>`,
    )
    .join('')}</table>`

function response(
  document: Document,
  status: string,
  answer: Operation['responses'][string],
): string {
  const [type, content] = Object.entries(answer.content ?? {})[0] ?? []
  const shown =
    content && type === 'application/json'
      ? fields(document, content.schema, 0)
      : escape(type ?? '')
  const text = escape(answer.description)
    .replaceAll(/`(\w+)`/g, '<a href="#$1"><code>$1</code></a>')
    .replaceAll('\n\n', '<br>')
  return `<dt>${status}</dt><dd>${text}${type === 'application/problem+json' ? '' : `<div>${shown}</div>`}</dd>`
}

const resolve = (document: Document, schema: Schema): Schema => {
  const name = schema.$ref?.split('/').at(-1)
  return name === undefined ? schema : (document.components.schemas[name] ?? schema)
}

function typeOf(document: Document, given: Schema): string {
  const schema = resolve(document, given)
  if (schema.const !== undefined) return `<code>${escape(JSON.stringify(schema.const))}</code>`
  if (schema.enum) return schema.enum.map((v) => `<code>${escape(v)}</code>`).join(' | ')
  const options = schema.anyOf ?? schema.oneOf
  if (options) return options.map((option) => typeOf(document, option)).join(' | ')
  if (schema.items) return `list of ${typeOf(document, schema.items)}`
  const name = given.$ref?.split('/').at(-1)
  const limit = schema.maxLength === undefined ? '' : ` ≤ ${schema.maxLength}`
  return `${escape(name ?? schema.format ?? schema.type ?? 'any')}${limit}`
}

function fields(document: Document, given: Schema, depth: number): string {
  const outer = resolve(document, given)
  const schema = outer.items ? resolve(document, outer.items) : outer
  if (!schema.properties || depth > 2) return typeOf(document, given)
  const rows = Object.entries(schema.properties).map(([name, property]) => {
    const inner = resolve(document, property)
    const nested = resolve(document, inner.items ?? inner).properties
      ? fields(document, inner.items ?? inner, depth + 1)
      : ''
    const optional = (schema.required ?? []).includes(name) ? '' : ' <i>optional</i>'
    return `<tr><td><code>${escape(name)}</code>${optional}</td><td><span class="type">${typeOf(document, property)}</span> ${escape(
      property.description ?? '',
    )}${nested}</td></tr>`
  })
  return `${outer.items ? 'list of' : ''}<table>${rows.join('')}</table>`
}

const problems = (): string =>
  `<h2 id="problems">Problems</h2><table>${Object.entries(en.problems)
    .map(
      ([code, text]) =>
        `<tr id="${code}"><td><code>${code}</code></td><td>${statusOf[code as ProblemCode]}</td>` +
        `<td><b>${escape(text.title)}</b> ${escape(text.detail({}))}</td></tr>`,
    )
    .join('')}</table>`

const STYLE = `
:root{color-scheme:light dark;--line:#8884;--soft:#8881;--key:#0a62c4}
@media(prefers-color-scheme:dark){:root{--key:#7ab8ff}}
body{font:15px/1.5 system-ui,sans-serif;margin:0;display:flex}
nav{flex:0 0 21rem;height:100vh;overflow:auto;position:sticky;top:0;padding:0 1rem;border-right:1px solid var(--line);font-size:13px;box-sizing:border-box}
nav ul{list-style:none;padding:0;margin:0}nav h1{font-size:1.3rem}nav h2{font-size:.9rem;margin:.8rem 0 .2rem;text-transform:uppercase;letter-spacing:.05em}
main{padding:1rem 2rem;max-width:60rem;min-width:0}a{color:var(--key);text-decoration:none}
h3{font-family:ui-monospace,monospace;font-size:1.05rem;border-top:1px solid var(--line);padding-top:1rem}
h4{margin:.8rem 0 .2rem;font-size:.9rem}.who{background:var(--soft);border-radius:4px;padding:.1em .4em;font-size:.85em}
table{border-collapse:collapse;width:100%;font-size:14px}td{border-bottom:1px solid var(--line);padding:.25rem .5rem .25rem 0;vertical-align:top}td:first-child{width:14rem}td td:first-child{width:10rem}tr:last-child>td{border:0}tr:target{background:var(--soft)}
dt{font-weight:600;font-family:ui-monospace,monospace}dd{margin:0 0 .5rem 3rem}code{font-size:.92em}i,.type{opacity:.7}
.GET{color:#1a7f37}.POST{color:#9a6700}.DELETE{color:#cf222e}.PATCH,.PUT{color:#8250df}
@media(prefers-color-scheme:dark){.GET{color:#3fb950}.POST{color:#d29922}.DELETE{color:#f85149}.PATCH,.PUT{color:#bc8cff}}
@media(max-width:50rem){body{display:block}nav{position:static;height:auto;border:0}}
`
