/**
 * A look-up in a view: one range of the index that was declared for it, in the index's order.
 *
 * MongoDB compares values of one type only: an ordering field holds texts or numbers, not both.
 */
import type { Document, Filter, FindOptions } from 'mongodb'
import { type CursorValue, fromCursor, notACursor } from '../../../ports/view-cursor.ts'
import type { ViewCollection, ViewStore } from '../../../ports/view-store.ts'
import { type StoredDocument, fieldName } from './view-document.ts'

export type Query = Parameters<ViewStore['find']>[1]
type IndexSpec = ViewCollection['indexes'][string]

/** Fields of a declared index in the order they are compared, the key last. */
const fieldsOf = ({ equals, orderBy }: IndexSpec): string[] => [
  ...equals.map(fieldName),
  ...(orderBy === undefined ? [] : [fieldName(orderBy)]),
  '_id',
]
const nameOf = (spec: IndexSpec): string => fieldsOf(spec).join('+')

/** The indexes that a view declares; those over the same fields are one. */
export function indexesOf(view: ViewCollection) {
  const specs = Object.values(view.indexes).filter((spec) => fieldsOf(spec).length > 1)
  const byName = new Map(specs.map((spec) => [nameOf(spec), fieldsOf(spec)]))
  return [...byName].map(([name, fields]) => ({
    name,
    key: Object.fromEntries(fields.map((field): [string, 1] => [field, 1])),
  }))
}

/** @throws TypeError for a field that is missing and for a cursor that `find` did not give. */
export function findIn(
  spec: IndexSpec,
  query: Query,
): { filter: Filter<StoredDocument>; options: FindOptions } {
  const filter: Document = {}
  for (const field of spec.equals) {
    const value = query.equals[field]
    if (value === undefined) throw new TypeError(`index ${query.index} needs ${field}`)
    filter[fieldName(field)] = { $eq: value }
  }
  const order = spec.orderBy === undefined ? undefined : fieldName(spec.orderBy)
  const bounds: Document = { $exists: true }
  if (query.from !== undefined) bounds['$gte'] = query.from
  if (query.to !== undefined) bounds['$lt'] = query.to
  if (order !== undefined) filter[order] = bounds
  if (query.after !== undefined)
    Object.assign(filter, afterRow(order, fromCursor(query.after), query.descending))
  // Deleted documents have no fields; without any they are told apart by their mark.
  if (fieldsOf(spec).length === 1) filter['_deletedAt'] = { $exists: false }
  const direction = query.descending ? -1 : 1
  return {
    filter: filter as Filter<StoredDocument>,
    options: {
      sort: { ...(order === undefined ? {} : { [order]: direction }), _id: direction },
      limit: query.limit,
      ...(fieldsOf(spec).length > 1 && { hint: nameOf(spec) }),
    },
  }
}

/** After the last row seen: the bound keeps it one range of the index, the rest sorts out its ties. */
function afterRow(
  order: string | undefined,
  [value, key]: readonly [CursorValue, string],
  descending = false,
): Document {
  const [than, bound] = descending ? ['$lt', '$lte'] : ['$gt', '$gte']
  if (order === undefined) return { _id: { [than]: key } }
  if (value === null) throw notACursor()
  const later = [{ [order]: { [than]: value } }, { [order]: value, _id: { [than]: key } }]
  return { $and: [{ [order]: { [bound]: value } }, { $or: later }] }
}
