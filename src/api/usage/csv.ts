/**
 * CSV as RFC 4180 has it, safe to open in a spreadsheet: text that would be read as a formula gets an
 * apostrophe. Money is given as nanos (bigint) and written as a decimal, so a minus there stays a minus.
 */
import { decimalFromNanos } from '../../domain/money.ts'

export type Cell = string | number | bigint | undefined

export const csvRow = (cells: readonly Cell[]): string => `${cells.map(csvCell).join(',')}\r\n`

function csvCell(cell: Cell): string {
  if (cell === undefined) return ''
  if (typeof cell === 'number') return String(cell)
  if (typeof cell === 'bigint') return decimalFromNanos(cell)
  const text = /^[=+\-@\t\r\n]/.test(cell) ? `'${cell}` : cell
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
