/**
 * A look-up in a view as one statement over its declared index.
 */
import type { SQLInputValue, StatementSync } from 'node:sqlite'
import { fromCursor } from '../../../ports/view-cursor.ts'
import type { ViewCollection, ViewStore } from '../../../ports/view-store.ts'

export type Query = Parameters<ViewStore['find']>[1]
type IndexSpec = ViewCollection['indexes'][string]

/** A collection that exists: its fields in the order of its columns f0, f1, …, and its statements. */
export interface Table {
  readonly name: string
  readonly fields: readonly string[]
  readonly statements: Map<string, StatementSync>
}

export function findSql(
  table: Table,
  { equals, orderBy }: IndexSpec,
  query: Query,
): { sql: string; parameters: SQLInputValue[] } {
  const column = (field: string) => `f${table.fields.indexOf(field)}`
  const order = orderBy === undefined ? undefined : column(orderBy)
  const [than, direction] = query.descending ? ['<', 'DESC'] : ['>', 'ASC']
  const where = ['document IS NOT NULL']
  const parameters: SQLInputValue[] = []
  for (const field of equals) {
    const value = query.equals[field]
    if (value === undefined) throw new TypeError(`index ${query.index} needs ${field}`)
    where.push(`${column(field)} IS NOT NULL AND ${column(field)} = ?`)
    parameters.push(value)
  }
  if (order) {
    where.push(`${order} IS NOT NULL`)
    for (const [bound, compare] of [
      [query.from, '>='],
      [query.to, '<'],
    ] as const) {
      if (bound === undefined) continue
      where.push(`${order} ${compare} ?`)
      parameters.push(bound)
    }
  }
  if (query.after !== undefined) {
    const [value, key] = fromCursor(query.after)
    where.push(order ? `(${order}, key) ${than} (?, ?)` : `key ${than} ?`)
    parameters.push(...(order ? [value, key] : [key]))
  }
  parameters.push(query.limit)
  const by = [...(order ? [order] : []), 'key'].map((term) => `${term} ${direction}`).join(', ')
  return {
    sql: `SELECT key, document, ${order ?? 'NULL'} AS value FROM ${table.name}
      WHERE ${where.join(' AND ')} ORDER BY ${by} LIMIT ?`,
    parameters,
  }
}

/** Writes a document unless the stored one is as new; its parameters are the columns' values. */
export function upsertSql(table: Table): string {
  const columns = ['key', 'document', 'position', ...table.fields.map((_, i) => `f${i}`)]
  return `INSERT INTO ${table.name}(${columns.join(', ')})
    VALUES (${columns.map(() => '?').join(', ')})
    ON CONFLICT(key) DO UPDATE SET
      ${columns
        .slice(1)
        .map((column) => `${column} = excluded.${column}`)
        .join(', ')}
    WHERE excluded.position > position`
}
