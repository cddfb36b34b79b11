/**
 * How an operation's lines look to a person: tables and short lists that fit the terminal, progress on
 * standard error only where somebody watches, and JSON lines for machines. Colour only where the
 * terminal takes it (NO_COLOR is Node's own business).
 */
import { styleText } from 'node:util'
import Table from 'cli-table3'
import type { Line } from './operation.ts'

type Row = Readonly<Record<string, unknown>>
type Show = (value: unknown, row: Row) => string

export interface Column {
  readonly key: string
  readonly title: string
  readonly right?: boolean
  /** Takes what width the others leave, and wraps. */
  readonly flexible?: boolean
  readonly show?: Show
}

export type Layout =
  | { readonly kind: 'table'; readonly columns: readonly Column[]; readonly empty: string }
  /** One thing: a name and a value in each line. */
  | {
      readonly kind: 'details'
      readonly empty?: string
      readonly fields: readonly (readonly [key: string, title: string])[]
    }
  | { readonly kind: 'sentence'; readonly text: (row: Row) => string }
  /** Told at once, below a head: for what is long, or never ends. */
  | {
      readonly kind: 'lines'
      readonly empty: string
      readonly head: readonly string[]
      readonly cells: (row: Row) => readonly string[]
    }
  /** JSON lines, for people too. */
  | { readonly kind: 'json' }

type Lines = Extract<Layout, { kind: 'lines' }>
const GAP = '  '

export interface Printer {
  tell(line: Line): void
  /** Shows what was collected. `complete: false`: it failed, so that nothing came means nothing. */
  end(complete: boolean): void
}

const WIDTH = 80
const BAR = 24

export function createPrinter(layout: Layout, options: { readonly json: boolean }): Printer {
  const { stdout, stderr } = process
  const machine = options.json || layout.kind === 'json'
  const rows: Row[] = []
  let bar = ''

  const clear = () => {
    if (bar !== '') stderr.write('\r\u001B[2K')
    bar = ''
  }
  let told = 0
  const tellLine = (lines: Lines, row: Row) => {
    if (told++ === 0) stdout.write(`${bold(lines.head.join(GAP))}\n`)
    stdout.write(`${lines.cells(row).join(GAP).trimEnd()}\n`)
  }
  const progress = (label: string, done: number, total: number) => {
    if (!stderr.isTTY) return
    const part = total > 0 ? Math.min(1, done / total) : 1
    const filled = Math.round(part * BAR)
    const percent = `${Math.floor(part * 100)} %`.padStart(5)
    const drawn = `${'█'.repeat(filled)}${'░'.repeat(BAR - filled)} ${percent}  ${label}`
    if (drawn === bar) return
    bar = drawn
    stderr.write(`\r\u001B[2K${drawn.slice(0, (stderr.columns || WIDTH) - 1)}`)
  }

  return {
    tell(line) {
      if (line.kind === 'progress') return progress(line.label, line.done, line.total)
      clear()
      if (line.kind === 'note') {
        rows.push({ [NOTE]: line.text })
        return undefined
      }
      if (machine) stdout.write(`${JSON.stringify(line.row)}\n`)
      else if (layout.kind === 'lines') tellLine(layout, line.row)
      else rows.push(line.row)
      return undefined
    },
    end(complete) {
      clear()
      const shown = rows.filter((row) => !(NOTE in row))
      if (!machine && told === 0 && (complete || shown.length > 0))
        stdout.write(render(layout, shown))
      // Notes are for people: they leave a machine's lines alone.
      for (const row of rows)
        if (NOTE in row) (machine ? stderr : stdout).write(`${wrapped(String(row[NOTE]))}\n`)
    },
  }
}
const NOTE = '\0note'

/** Breaks lines between words; a word that is longer than the line stays whole. */
function wrapped(words: string): string {
  const width = Math.min(process.stdout.columns || WIDTH, 100)
  return words.replaceAll(new RegExp(`(?![^\\n]{1,${width}}$)([^\\n]{1,${width}}) `, 'g'), '$1\n')
}

function render(layout: Layout, rows: readonly Row[]): string {
  if (layout.kind === 'json') return ''
  const empty = layout.kind === 'sentence' ? undefined : layout.empty
  if (rows.length === 0) return empty === undefined || empty === '' ? '' : `${empty}\n`
  if (layout.kind === 'lines') return ''
  if (layout.kind === 'table') return table(layout.columns, rows)
  return rows
    .map((row) =>
      layout.kind === 'sentence' ? `${layout.text(row)}\n` : details(layout.fields, row),
    )
    .join('\n')
}

export const text = (value: unknown): string => {
  if (value === null || value === undefined) return '–'
  if (Array.isArray(value)) return value.length === 0 ? '–' : value.map(String).join(', ')
  if (value === true) return 'yes'
  if (value === false) return 'no'
  return typeof value === 'object' ? JSON.stringify(value) : String(value as string | number)
}

const bold = (words: string): string => styleText('bold', words, { stream: process.stdout })

function details(fields: readonly (readonly [string, string])[], row: Row): string {
  const width = Math.max(...fields.map(([, title]) => title.length)) + 2
  return fields
    .filter(([key]) => row[key] !== undefined)
    .map(([key, title]) => `${bold(title.padEnd(width))}${text(row[key])}\n`)
    .join('')
}

const NO_BORDERS = Object.fromEntries(
  ['top', 'bottom', 'left', 'right', 'mid']
    .flatMap((side) => [side, `${side}-mid`, `${side}-left`, `${side}-right`])
    .map((name) => [name, '']),
)

function table(columns: readonly Column[], rows: readonly Row[]): string {
  const cells = rows.map((row) =>
    columns.map(({ key, show }) => (show ? show(row[key], row) : text(row[key]))),
  )
  const widths = columns.map((column, index) =>
    Math.max(column.title.length, ...cells.map((row) => row[index]?.length ?? 0)),
  )
  const PADDING = 2
  const fixed = widths.reduce(
    (sum, width, i) => (columns[i]?.flexible ? sum : sum + width + PADDING),
    0,
  )
  const room = (process.stdout.columns || WIDTH) - fixed
  const flexible = columns.filter((column) => column.flexible).length
  const made = new Table({
    chars: { ...NO_BORDERS, middle: '' },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': PADDING },
    wordWrap: true,
    head: columns.map(({ title }) => bold(title)),
    colAligns: columns.map(({ right }) => (right ? 'right' : 'left')),
    colWidths: columns.map((column, i) => {
      const natural = (widths[i] ?? 0) + PADDING
      if (!column.flexible) return natural
      return Math.min(natural, Math.max(16, Math.floor(room / flexible)))
    }),
  })
  for (const row of cells) made.push(row)
  const lines = made.toString().split('\n')
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`
}
