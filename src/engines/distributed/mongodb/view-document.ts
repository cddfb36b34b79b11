/**
 * A view's document as it is stored: its JSON as text, byte for byte, since BSON keeps neither every key
 * nor the kind of every number, and beside it the fields of the declared indexes. What was deleted
 * leaves its position, so that an older event does not bring it back.
 */
import type { Long } from 'mongodb'
import type { Position } from '../../../ports/event-store.ts'
import type { ViewBatch, ViewCollection } from '../../../ports/view-store.ts'
import { toLong } from './positions.ts'

export interface StoredDocument {
  readonly _id: string
  readonly _position: Long | number
  readonly text?: string
  readonly _deletedAt?: Date
  readonly [indexed: `f_${string}`]: string | number
}

export interface WrittenDocument {
  readonly key: string
  readonly position: Position
  readonly stored: StoredDocument
}

export const fieldName = (field: string): `f_${string}` => `f_${field}`

/**
 * The documents of one view, each once, as its newest batch has it.
 * @throws TypeError for a document that is no JSON.
 */
export function writtenOf(
  view: ViewCollection,
  batches: readonly Pick<ViewBatch, 'documents'>[],
): WrittenDocument[] {
  const fields = new Set(
    Object.values(view.indexes).flatMap(({ equals, orderBy }) => [...equals, orderBy ?? []].flat()),
  )
  const newest = new Map<string, ViewBatch['documents'][number]>()
  for (const one of batches.flatMap(({ documents }) => documents)) {
    const before = newest.get(one.key)
    if (before === undefined || one.position > before.position) newest.set(one.key, one)
  }
  return [...newest.values()].map(({ key, document, position }) => ({
    key,
    position,
    stored: { _id: key, _position: toLong(position), ...contentOf(document, fields) },
  }))
}

function contentOf(
  document: unknown,
  fields: ReadonlySet<string>,
): Omit<StoredDocument, '_id' | '_position'> {
  if (document === undefined) return { _deletedAt: new Date() }
  const text: unknown = JSON.stringify(document)
  if (typeof text !== 'string') throw new TypeError('a document that is no JSON')
  return { text, ...indexedFields(document, fields) }
}

/** Texts and safe integers; a document without one is not in the index. */
function indexedFields(document: unknown, fields: ReadonlySet<string>) {
  const indexed: Record<`f_${string}`, string | number> = {}
  if (typeof document !== 'object' || document === null) return indexed
  for (const [field, value] of Object.entries(document))
    if (fields.has(field) && (typeof value === 'string' || Number.isSafeInteger(value)))
      indexed[fieldName(field)] = value as string | number
  return indexed
}
