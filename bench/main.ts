/**
 * `npm run bench`: the product's own public paths beside the limit of each, in turns. Exit code 1 when a
 * row could not be measured; a target that is missed is shown, and is no error.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import Table from 'cli-table3'
import type { Bench, Row, Settings } from './harness.ts'
import { figure } from './harness.ts'
import { accountRows } from './rows/accounts.ts'
import { appendRows } from './rows/appends.ts'
import { commandRows } from './rows/commands.ts'
import { loginRows } from './rows/logins.ts'
import { processRows } from './rows/process.ts'
import { projectionRows } from './rows/projections.ts'
import { streamRows } from './rows/streams.ts'
import { usageRows } from './rows/usage.ts'
import { type Machine, machine } from './system.ts'

const benches: readonly Bench[] = [
  ...appendRows,
  ...accountRows,
  ...projectionRows,
  ...commandRows,
  ...streamRows,
  ...loginRows,
  ...processRows,
  ...usageRows,
]
const DURABILITY =
  'every append is synced to disk before it is answered (WAL, synchronous=FULL), grouped by turn of the event loop'

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    only: { type: 'string' },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

const say = (text: string) => process.stdout.write(`${text}\n`)
const progress = (text: string) => {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${text}`)
}

function list(): void {
  for (const { names, title } of benches) say(`${names.join(', ').padEnd(36)} ${title}`)
}

function help(): void {
  say(`Measures Daybook beside the limits of this machine.

  npm run bench                     every row
  npm run bench -- --quick          every row, shorter, in under two minutes
  npm run bench -- --only NAME      one row
  npm run bench -- --json FILE      also as JSON
  npm run bench -- --list           the names`)
}

/** A row as soon as it is there: who stops a long run has had something of it. */
const lineOf = ({ name, unit, ours, beside, ratio, target, met }: Row) =>
  `${name}: ${figure(ours)} ${unit} beside ${figure(beside)}, ${ratio.toFixed(2)}×, target ${target} ${met ? 'met' : 'MISSED'}`

const short = (text: string) => (text.length > 34 ? `${text.slice(0, 33)}…` : text)

function table(rows: readonly Row[]): string {
  const made = new Table({
    head: ['row', 'unit', 'ours', 'beside', 'what', 'ratio', 'target', 'met', 'p50 ms', 'p99 ms'],
    style: { head: [], border: [], compact: true },
    colAligns: [
      'left',
      'left',
      'right',
      'right',
      'left',
      'right',
      'left',
      'left',
      'right',
      'right',
    ],
  })
  for (const row of rows)
    made.push([
      row.name,
      row.unit,
      figure(row.ours),
      figure(row.beside),
      short(row.besideName),
      `${row.ratio.toFixed(2)} (${row.spread.map((one) => one.toFixed(2)).join('–')})`,
      row.target,
      row.met ? 'yes' : 'NO',
      row.p50 === undefined ? '' : figure(row.p50),
      row.p99 === undefined ? '' : figure(row.p99),
    ])
  return made.toString()
}

function report(rows: readonly Row[], on: Machine): void {
  say(`\n${table(rows)}`)
  for (const row of rows) if (row.notes) say(`${row.name}: ${row.notes}`)
  const missed = rows.filter(({ met }) => !met)
  say(
    missed.length === 0
      ? `${rows.length} of ${rows.length} targets met`
      : `${missed.length} of ${rows.length} targets missed: ${missed.map(({ name }) => name).join(', ')}`,
  )
  if (options.json === undefined) return
  const shown = rows.map(({ spread: _spread, ...row }) => row)
  const text = JSON.stringify({ machine: on, durability: DURABILITY, rows: shown }, null, 2)
  writeFileSync(options.json, `${text}\n`)
}

async function measure(): Promise<number> {
  const chosen = benches.filter(({ names }) => !options.only || names.includes(options.only))
  if (chosen.length === 0) {
    process.stderr.write(`no row is called ${options.only}; --list names them\n`)
    return 64
  }
  // On a disk, where a sync costs what it costs: in memory the ratios would lie.
  const root = mkdtempSync(
    join(process.platform === 'linux' ? '/var/tmp' : tmpdir(), 'daybook-bench-'),
  )
  process.on('exit', () => rmSync(root, { recursive: true, force: true }))
  let folders = 0
  const settings: Settings = {
    quick: options.quick,
    rounds: options.quick ? 2 : 5,
    serverRounds: options.quick ? 2 : 5,
    turnMs: options.quick ? 400 : 2_000,
    folder() {
      const folder = join(root, String(folders++))
      mkdirSync(folder)
      return folder
    },
    progress,
  }
  const on = machine(settings.folder())
  say(
    `${on.cpu}, ${on.cores} cores, ${on.memoryGiB} GiB, ${on.platform}, Node ${on.node}; disk sync ${on.diskSyncMs} ms`,
  )
  say(`${DURABILITY}\n`)
  const rows: Row[] = []
  let failed = 0
  const begun = performance.now()
  for (const bench of chosen) {
    progress(`${bench.names.join(', ')}: ${bench.title}`)
    try {
      const made = await bench.run(settings)
      progress('')
      for (const row of made.filter(({ name }) => !options.only || name === options.only)) {
        rows.push(row)
        say(lineOf(row))
      }
    } catch (error) {
      failed++
      progress('')
      process.stderr.write(
        `${bench.names.join(', ')} could not be measured: ${error instanceof Error ? error.stack : String(error)}\n`,
      )
    }
  }
  progress('')
  report(rows, on)
  if (failed > 0) say(`${failed} could not be measured, see above`)
  say(
    `${Math.round((performance.now() - begun) / 1_000)} s${options.quick ? ', quick: shorter turns, fewer rounds' : ''}`,
  )
  return failed > 0 ? 1 : 0
}

if (options.help) help()
else if (options.list) list()
else process.exitCode = await measure()
