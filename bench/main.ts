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
import { type Machine, machine } from './system.ts'

const ENGINES = {
  embedded: () => import('./embedded.ts'),
  distributed: () => import('./distributed.ts'),
}

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    engine: { type: 'string', default: 'embedded' },
    only: { type: 'string' },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

const say = (text: string) => process.stdout.write(`${text}\n`)
const progress = (text: string) => {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${text}`)
}

function list(benches: readonly Bench[]): void {
  for (const { names, title } of benches) say(`${names.join(', ').padEnd(36)} ${title}`)
}

function help(): void {
  say(`Measures Daybook beside the limits of this machine.

  npm run bench                     every row
  npm run bench -- --quick          every row, shorter, in under two minutes
  npm run bench -- --only NAME      one row
  npm run bench -- --json FILE      also as JSON
  npm run bench -- --list           the names

  npm run bench -- --engine distributed …   the rows of the distributed engine, beside bare clients of
                                            the same servers: REDIS_URL, MONGODB_URL, EVENTSTOREDB_URL
  scripts/test-servers.sh npm run bench -- --engine distributed   the same with servers of its own`)
}

/** A row as soon as it is there: who stops a long run has had something of it. */
const lineOf = ({ name, unit, ours, beside, ratio, target, met }: Row) =>
  `${name}: ${figure(ours)} ${unit} beside ${figure(beside)}, ${ratio.toFixed(2)}×, ${verdict(target, met)}`

const verdict = (target: string, met: boolean) =>
  target === '' ? (met ? 'no target' : 'FAILED') : `target ${target} ${met ? 'met' : 'MISSED'}`

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
      row.met ? (row.target === '' ? '' : 'yes') : 'NO',
      row.p50 === undefined ? '' : figure(row.p50),
      row.p99 === undefined ? '' : figure(row.p99),
    ])
  return made.toString()
}

function report(rows: readonly Row[], on: Machine, under: object): void {
  say(`\n${table(rows)}`)
  for (const row of rows) if (row.notes) say(`${row.name}: ${row.notes}`)
  const aimed = rows.filter(({ target, met }) => target !== '' || !met)
  const missed = aimed.filter(({ met }) => !met)
  say(
    missed.length === 0
      ? `${aimed.length} of ${aimed.length} targets met`
      : `${missed.length} of ${aimed.length} targets missed: ${missed.map(({ name }) => name).join(', ')}`,
  )
  if (options.json === undefined) return
  const shown = rows.map(({ spread: _spread, ...row }) => row)
  const text = JSON.stringify({ machine: on, ...under, rows: shown }, null, 2)
  writeFileSync(options.json, `${text}\n`)
}

interface Engine {
  readonly benches: readonly Bench[]
  /** What the figures depend on beside the machine: durability, servers. */
  conditions(): Promise<Readonly<Record<string, string>>>
}

function settingsIn(root: string): Settings {
  let folders = 0
  return {
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
}

async function measure(engine: Engine): Promise<number> {
  const chosen = engine.benches.filter(({ names }) => !options.only || names.includes(options.only))
  if (chosen.length === 0) {
    process.stderr.write(`no row is called ${options.only}; --list names them\n`)
    return 64
  }
  // On a disk, where a sync costs what it costs: in memory the ratios would lie.
  const root = mkdtempSync(
    join(process.platform === 'linux' ? '/var/tmp' : tmpdir(), 'daybook-bench-'),
  )
  process.on('exit', () => rmSync(root, { recursive: true, force: true }))
  const settings = settingsIn(root)
  const on = machine(settings.folder())
  say(
    `${on.cpu}, ${on.cores} cores, ${on.memoryGiB} GiB, ${on.platform}, Node ${on.node}; disk sync ${on.diskSyncMs} ms`,
  )
  const under = await engine.conditions()
  for (const text of Object.values(under)) say(text)
  say('')
  const rows: Row[] = []
  let failed = 0
  const begun = performance.now()
  for (const bench of chosen) {
    const missing = (bench.needs ?? []).filter((setting) => !process.env[setting])
    if (missing.length > 0) {
      say(`${bench.names.join(', ')}: left out, ${missing.join(' and ')} not set`)
      continue
    }
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
  report(rows, on, under)
  if (failed > 0) say(`${failed} could not be measured, see above`)
  say(
    `${Math.round((performance.now() - begun) / 1_000)} s${options.quick ? ', quick: shorter turns, fewer rounds' : ''}`,
  )
  return failed > 0 ? 1 : 0
}

async function main(): Promise<number> {
  if (options.help) {
    help()
    return 0
  }
  if (!Object.hasOwn(ENGINES, options.engine)) {
    process.stderr.write(
      `no engine is called ${options.engine}: ${Object.keys(ENGINES).join(', ')}\n`,
    )
    return 64
  }
  const engine = await ENGINES[options.engine as keyof typeof ENGINES]()
  if (!options.list) return measure(engine)
  list(engine.benches)
  return 0
}

process.exitCode = await main()
