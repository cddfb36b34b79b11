/**
 * Cursor-paged lists: `{ items, next_cursor }`. A cursor is opaque and signed together with the list it
 * belongs to (whose, and with which filters): one that was edited, or taken from another list, is
 * refused. Whose rows are shown never comes from the cursor.
 */
import { timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import type { Sealer } from '../ports/sealer.ts'
import type { Page } from '../projections/views.ts'
import { Problem } from './errors.ts'

export const MAX_LIMIT = 100
const DEFAULT_LIMIT = 20
const SIGNATURE = 32

/** Spread into a list's query schema. */
export const pageQuery = {
  limit: z
    .string()
    .regex(/^\d{1,3}$/, `a whole number from 1 to ${MAX_LIMIT}`)
    .default(String(DEFAULT_LIMIT))
    .transform(Number)
    .pipe(z.int().min(1).max(MAX_LIMIT))
    .meta({ description: `Most items of a page, at most ${MAX_LIMIT}.` }),
  cursor: z.exactOptional(
    z
      .string()
      .min(1)
      .max(2_048)
      .meta({ description: '`next_cursor` of the page before; absent for the first.' }),
  ),
}
export interface PageQuery {
  readonly limit: number
  readonly cursor?: string
}

export const pageOf = <S extends z.ZodType>(item: S) =>
  z.strictObject({
    items: z.array(item),
    next_cursor: z.nullable(z.string()).meta({ description: 'null on the last page.' }),
  })
export interface ListPage<Item> {
  readonly items: Item[]
  readonly next_cursor: string | null
}

/** Everything that decides which rows a list shows, but for the page: its name, whose, filters. */
export type ListKey = readonly (string | number | undefined)[]

const sign = (sealer: Pick<Sealer, 'hmac'>, list: ListKey, payload: string): string =>
  sealer
    .hmac('cursor', JSON.stringify([list.map((part) => part ?? null), payload]))
    .slice(0, SIGNATURE)

export function encodeCursor(
  sealer: Pick<Sealer, 'hmac'>,
  list: ListKey,
  position: string,
): string {
  const payload = Buffer.from(position).toString('base64url')
  return `${payload}.${sign(sealer, list, payload)}`
}

/** @throws Problem invalid_input for a cursor that was not given out for this very list. */
export function decodeCursor(
  sealer: Pick<Sealer, 'hmac'>,
  list: ListKey,
  cursor: string | undefined,
): string | undefined {
  if (cursor === undefined) return undefined
  const [payload = '', signature = ''] = cursor.split('.')
  const expected = Buffer.from(sign(sealer, list, payload))
  const given = Buffer.from(signature)
  if (given.length !== expected.length || !timingSafeEqual(given, expected))
    throw new Problem('invalid_input', {}, [
      {
        path: 'query.cursor',
        message: 'next_cursor of a page of this list, with the same filters',
      },
    ])
  return Buffer.from(payload, 'base64url').toString()
}

/** One page: `fetch` gets limit and the store's cursor; `show` makes the answer's items. */
export async function listPage<View, Item>(
  { sealer }: { sealer: Pick<Sealer, 'hmac'> },
  list: ListKey,
  query: PageQuery,
  fetch: (page: { limit: number; after?: string }) => Promise<Page<View>>,
  show: (view: View) => Item | Promise<Item>,
): Promise<ListPage<Item>> {
  const after = decodeCursor(sealer, list, query.cursor)
  const page = await fetch({ limit: query.limit, ...(after === undefined ? {} : { after }) })
  return {
    items: await Promise.all(page.items.map((view) => show(view))),
    next_cursor: page.next === undefined ? null : encodeCursor(sealer, list, page.next),
  }
}

/** Pages looked through at most for one that a filter thins out. */
const MAX_ROUNDS = 10

/**
 * A page of the rows that `keep` accepts, where no index has the filter. Looks through at most ten
 * pages of rows, so a page may be short, even empty, and still have a next one.
 */
export async function filteredPage<View>(
  fetch: (page: { limit: number; after?: string }) => Promise<Page<View>>,
  { limit, after }: { limit: number; after?: string },
  keep: (view: View) => boolean,
): Promise<Page<View>> {
  const items: View[] = []
  let next = after
  for (let round = 0; round < MAX_ROUNDS && items.length < limit; round++) {
    // Never more rows than may still be shown: the next page begins where this one ended.
    const page = await fetch({
      limit: limit - items.length,
      ...(next === undefined ? {} : { after: next }),
    })
    items.push(...page.items.filter(keep))
    next = page.next
    if (next === undefined) break
  }
  return { items, next }
}
