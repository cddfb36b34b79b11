/**
 * Requests that nobody should send: near to what a route's schema takes, or far from it, with tokens,
 * headers, paths and bodies of every wrong kind.
 */
import * as fc from 'fast-check'
import { z } from 'zod'
import type { AnyRoute } from '../../src/api/route.ts'

export interface GarbageRequest {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly payload: Buffer | undefined
}

/** What is there: tokens by who they are, and ids by the name of a path's parameter. */
export interface Known {
  readonly tokens: readonly string[]
  readonly ids: Readonly<Record<string, readonly string[]>>
  readonly orgs: readonly string[]
}

const nasty = [
  '',
  ' ',
  '\0',
  'a\0b',
  '\ud800',
  '\udfff\ud800',
  '__proto__',
  'constructor',
  'toString',
  'null',
  '0',
  '-1',
  '1e400',
  '9007199254740993',
  '../../etc/passwd',
  '%00',
  "'; DROP TABLE events; --",
  '{{input}}',
  '\u202e\u0000',
  'İ',
  'a'.repeat(5_000),
]
const text = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...nasty) },
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ maxLength: 40 }),
)
const value: fc.Arbitrary<unknown> = fc.oneof(
  text,
  fc.constantFrom<unknown>(null, true, 0, -1, 1.5, 2 ** 53 + 1, -0, 1e308, [], {}, [[]], [null]),
  fc.jsonValue({ maxDepth: 3 }),
  fc.dictionary(text, text, { maxKeys: 3 }),
)

interface JsonSchema {
  readonly type?: string | readonly string[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly anyOf?: readonly JsonSchema[]
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly items?: JsonSchema
  readonly additionalProperties?: JsonSchema | boolean
  readonly pattern?: string
  readonly minLength?: number
  readonly maxLength?: number
  readonly minimum?: number
  readonly maximum?: number
}

/** Values that a schema takes, or nearly; fields that are named as something that is there name it too. */
function plausible(schema: JsonSchema, ids: Known['ids'] = {}): fc.Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const)
  if (schema.enum) return fc.constantFrom(...schema.enum)
  if (schema.anyOf) return fc.oneof(...schema.anyOf.map((one) => plausible(one, ids)))
  if (schema.properties) {
    const fields = Object.entries(schema.properties)
    const valueOf = (name: string, one: JsonSchema) => {
      const there = ids[name] ?? []
      const likely = plausible(one, ids)
      return there.length > 0 ? fc.oneof(fc.constantFrom(...there), likely) : likely
    }
    const model = Object.fromEntries(fields.map(([name, one]) => [name, valueOf(name, one)]))
    return fc.record(model, { requiredKeys: [...(schema.required ?? [])] as never[] })
  }
  if (typeof schema.additionalProperties === 'object')
    return fc.dictionary(
      fc.constantFrom('a', 'b', 'language'),
      plausible(schema.additionalProperties, ids),
    )
  switch (schema.type) {
    case 'array':
      return fc.array(plausible(schema.items ?? {}, ids), { maxLength: 3 })
    case 'string':
      return schema.pattern === undefined
        ? fc.string({
            minLength: schema.minLength ?? 1,
            maxLength: Math.min(schema.maxLength ?? 20, 60),
          })
        : fc.oneof(matching(schema.pattern), text)
    case 'integer':
    case 'number':
      return fc.integer({
        min: Math.max(schema.minimum ?? 0, -10),
        max: Math.min(schema.maximum ?? 1_000, 1_000),
      })
    case 'boolean':
      return fc.boolean()
    case undefined:
    default:
      return value
  }
}

function matching(pattern: string): fc.Arbitrary<string> {
  try {
    return fc.stringMatching(new RegExp(pattern), { maxLength: 60 })
  } catch {
    return text
  }
}

/** A plausible body with something wrong in it, most of the time. */
function spoiled(schema: JsonSchema, ids: Known['ids']): fc.Arbitrary<unknown> {
  const whole = plausible(schema, ids)
  const names = Object.keys(schema.properties ?? {})
  const spoil = fc.tuple(whole, fc.constantFrom('unknown_field', '__proto__', ...names), value)
  return fc.oneof(
    whole,
    spoil.map(([body, name, wrong]) =>
      // A computed name: `__proto__` becomes a property like any other.
      typeof body === 'object' && body !== null ? { ...body, [name]: wrong } : wrong,
    ),
  )
}

const raw = fc.constantFrom(
  '',
  '{',
  '{"a":1e400}',
  '{"a":9007199254740993}',
  '{"a":-1e999}',
  '{"a":1,"a":2}',
  '{"__proto__":{"admin":true}}',
  '{"constructor":{"prototype":{"admin":true}}}',
  '{"email":"\\ud800@example.com"}',
  '{"email":"a\\u0000@example.com"}',
  '['.repeat(40) + ']'.repeat(40),
  '['.repeat(20_000),
  '{"a":'.repeat(5_000),
  'null',
  'true',
  '"text"',
  '[]',
  '\ufeff{}',
  `{"input":"${'x'.repeat(70_000)}"}`,
  `{"input":"${'x'.repeat(600_000)}"}`,
)
const bytes = fc.oneof(
  raw.map((one) => Buffer.from(one)),
  fc.uint8Array({ maxLength: 60 }).map((one) => Buffer.from(one)),
)

const formOf = (body: unknown): string =>
  new URLSearchParams(
    Object.entries(body ?? {}).map(([name, one]): [string, string] => [
      name,
      typeof one === 'string' ? one.toWellFormed() : String(JSON.stringify(one)),
    ]),
  ).toString()

function bodyOf(route: AnyRoute, ids: Known['ids']): fc.Arbitrary<Buffer | undefined> {
  const none = fc.constant(undefined)
  if (!route.body) return fc.oneof({ weight: 3, arbitrary: none }, bytes)
  const schema = z.toJSONSchema(route.body, { io: 'input', unrepresentable: 'any' }) as JsonSchema
  const json = fc
    .oneof({ weight: 4, arbitrary: spoiled(schema, ids) }, value)
    .map((one) => Buffer.from(route.takes === 'form' ? formOf(one) : (JSON.stringify(one) ?? '')))
  return fc.oneof({ weight: 4, arbitrary: json }, bytes, none)
}

/** Header values as a socket would carry them. */
const headerText = fc.oneof(
  fc.constantFrom(
    '',
    '"',
    '"7"',
    'W/"7"',
    '*',
    '1.1',
    '-1.-1',
    '99999999999999999999',
    'a'.repeat(300),
  ),
  fc.string({ maxLength: 40 }).map((one) => one.replaceAll(/[^\x20-\x7e]/g, '?')),
)

function tokenOf(known: Known): fc.Arbitrary<string | undefined> {
  const [some = ''] = known.tokens
  const [head = '', payload = '', signature = ''] = some.split('.')
  const none = Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url')
  return fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...known.tokens.map((one) => `Bearer ${one}`)) },
    fc.constant(undefined),
    fc.constantFrom(
      'Bearer ',
      `Bearer ${none}.${payload}.`,
      `Bearer ${head}.${payload}.${signature.toUpperCase()}`,
      `Bearer ${head}..${signature}`,
      `Bearer ${'a.'.repeat(3_000)}`,
      `Basic ${some}`,
    ),
  )
}

function headersOf(known: Known, usual: string): fc.Arbitrary<Record<string, string>> {
  const organization = fc.oneof(fc.constantFrom(...known.orgs), headerText)
  const optional = fc.record(
    {
      'idempotency-key': headerText,
      'if-match': headerText,
      'last-event-id': headerText,
      'x-organization-id': organization,
      'x-request-id': headerText,
      'accept-language': headerText,
      accept: fc.oneof(fc.constant('text/event-stream'), headerText),
      prefer: fc.oneof(fc.constant('respond-async'), headerText),
      cookie: headerText,
      traceparent: headerText,
      origin: headerText,
    },
    { requiredKeys: [] },
  )
  const contentType = fc.oneof(
    { weight: 6, arbitrary: fc.constant(usual) },
    fc.constantFrom(
      'text/plain',
      'application/json',
      'application/x-www-form-urlencoded',
      'application/json; charset=utf-16',
      '',
    ),
  )
  // Most requests have few odd headers, or nothing would come past them.
  return fc
    .tuple(
      fc.oneof({ weight: 2, arbitrary: fc.constant({}) }, optional),
      tokenOf(known),
      contentType,
    )
    .map(([headers, authorization, type]) => ({
      ...headers,
      ...(authorization === undefined ? {} : { authorization }),
      ...(type === '' ? {} : { 'content-type': type }),
    }))
}

function urlOf(route: AnyRoute, known: Known): fc.Arbitrary<string> {
  const names = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)
  const query = route.query
    ? Object.keys(
        (z.toJSONSchema(route.query, { io: 'input', unrepresentable: 'any' }) as JsonSchema)
          .properties ?? {},
      )
    : []
  const params = names.map((name) => {
    const there = known.ids[`${route.path} ${name}`] ?? known.ids[name] ?? []
    const odd = text.map((one) => encode(one.slice(0, 300)))
    return there.length > 0
      ? fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...there) }, odd)
      : odd
  })
  const asked = fc.dictionary(
    fc.constantFrom('after', 'unknown', '__proto__', ...query),
    // A position that is still to come would be waited for.
    text.map((one) => (/^\d{4,}$/.test(one) ? '-1' : one.slice(0, 500))),
    { maxKeys: 2 },
  )
  return fc.tuple(fc.tuple(...params), fc.oneof(fc.constant({}), asked)).map(([ids, given]) => {
    const path = ids.reduce<string>((left, id) => left.replace(/\{\w+\}/, () => id), route.path)
    const search = Object.entries(given).map(([name, one]) => `${encode(name)}=${encode(one)}`)
    return search.length > 0 ? `${path}?${search.join('&')}` : path
  })
}

/** Half a character has no encoding of its own: it goes as the bytes that it would have had. */
const encode = (one: string): string =>
  encodeURIComponent(one.toWellFormed()).replaceAll('%EF%BF%BD', '%ED%A0%80')

const typeOf = ({ takes }: AnyRoute): string =>
  takes === 'form' ? 'application/x-www-form-urlencoded' : 'application/json'

export const garbageFor = (route: AnyRoute, known: Known): fc.Arbitrary<GarbageRequest> =>
  fc
    .tuple(urlOf(route, known), headersOf(known, typeOf(route)), bodyOf(route, known.ids))
    .map(([url, headers, payload]) => ({ method: route.method, url, headers, payload }))
