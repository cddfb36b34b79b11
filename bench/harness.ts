/**
 * How a row is measured: ours and a limit beside it take turns in every round (A B A B …), garbage is
 * collected before each, and the ratio is the median of the rounds' own ratios. Figures of two rounds
 * are never divided by each other: the machine is slower in one minute than in the next.
 */
import { setTimeout as delay } from 'node:timers/promises'

/** What one turn gave: a rate or a time, and how the single operations were spread, in ms. */
export interface Sample {
  readonly value: number
  readonly p50?: number
  readonly p99?: number
  /** Processor time of one operation in the process that measured, in µs. */
  readonly cpuUs?: number
}
export type Turn = (round: number) => Promise<Sample>

/** Of the ratio to what stands beside, or of our own figure. */
export type Target =
  | { readonly of: 'ratio' | 'ours'; readonly least: number }
  | { readonly of: 'ratio' | 'ours'; readonly most: number }

export interface Row {
  readonly name: string
  readonly unit: string
  readonly ours: number
  readonly beside: number
  readonly besideName: string
  readonly ratio: number
  /** '' for what is shown as information. */
  readonly target: string
  /** What has no target is met as long as nothing failed. */
  readonly met: boolean
  /** Smallest and largest ratio of a round. */
  readonly spread: readonly [number, number]
  readonly p50?: number
  readonly p99?: number
  readonly notes: string
}

export interface Bench {
  /** The rows that one run of it gives. */
  readonly names: readonly string[]
  /** Settings that name servers: where one is missing the rows are left out. */
  readonly needs?: readonly string[]
  /** What it measures, for `--list`. */
  readonly title: string
  run(settings: Settings): Promise<Row[]>
}

export interface Settings {
  readonly quick: boolean
  /** Rounds in this process; then milliseconds of one turn. */
  readonly rounds: number
  /** Rounds in which a server is started. */
  readonly serverRounds: number
  readonly turnMs: number
  /** A folder on disk that is gone after the run. */
  folder(): string
  /** Says on the terminal what goes on. */
  progress(text: string): void
}

export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}

export const percentile = (values: readonly number[], part: number): number => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN
}

export const spreadOf = (latencies: readonly number[]): { p50: number; p99: number } => ({
  p50: percentile(latencies, 0.5),
  p99: percentile(latencies, 0.99),
})

/** Garbage of one candidate is not collected in the time of the next. */
export async function collect(): Promise<void> {
  globalThis.gc?.()
  await delay(20)
  globalThis.gc?.()
}

export interface Compared {
  readonly ours: Sample
  readonly beside: Sample
  readonly ratios: readonly number[]
}

export async function inTurns(
  rounds: number,
  ours: Turn,
  beside: Turn,
  ratioOf: (ours: number, beside: number) => number = (a, b) => a / b,
): Promise<Compared> {
  const our: Sample[] = []
  const their: Sample[] = []
  for (let round = 0; round < rounds; round++) {
    await collect()
    their.push(await beside(round))
    await collect()
    our.push(await ours(round))
  }
  return {
    ours: typical(our),
    beside: typical(their),
    ratios: our.map(({ value }, round) => ratioOf(value, their[round]?.value ?? Number.NaN)),
  }
}

export function typical(samples: readonly Sample[]): Sample {
  const of = (name: 'p50' | 'p99' | 'cpuUs') => {
    const values = samples.map((sample) => sample[name]).filter((value) => value !== undefined)
    return values.length > 0 ? { [name]: median(values) } : {}
  }
  return {
    value: median(samples.map(({ value }) => value)),
    ...of('p50'),
    ...of('p99'),
    ...of('cpuUs'),
  }
}

export function rowOf(
  given: Pick<Row, 'name' | 'unit' | 'besideName'> & { notes?: string; target?: Target },
  { ours, beside, ratios }: Compared,
  /** What must hold besides the target: nothing failed, nothing was refused. */
  sound = true,
): Row {
  const { target, notes = '', ...rest } = given
  const ratio = median(ratios)
  return {
    ...rest,
    ours: ours.value,
    beside: beside.value,
    ratio,
    target: target === undefined ? '' : targetText(target, given.unit),
    met: sound && isReached(target, ratio, ours.value),
    spread: [Math.min(...ratios), Math.max(...ratios)],
    ...(ours.p50 === undefined ? {} : { p50: ours.p50 }),
    ...(ours.p99 === undefined ? {} : { p99: ours.p99 }),
    notes,
  }
}

function isReached(target: Target | undefined, ratio: number, ours: number): boolean {
  if (target === undefined) return true
  const reckoned = target.of === 'ratio' ? ratio : ours
  return 'least' in target ? reckoned >= target.least : reckoned <= target.most
}

function targetText(target: Target, unit: string): string {
  const sign = 'least' in target ? '≥' : '≤'
  const value = 'least' in target ? target.least : target.most
  return target.of === 'ratio' ? `${sign} ${value.toFixed(2)}×` : `${sign} ${value} ${unit}`
}

/** `writers` loops for so long, each awaits its own operation before the next. */
export async function loops(
  writers: number,
  ms: number,
  operation: (writer: number, n: number) => Promise<unknown>,
): Promise<Sample> {
  const latencies: number[] = []
  const cpuBefore = process.cpuUsage()
  const begun = performance.now()
  const end = begun + ms
  await Promise.all(
    Array.from({ length: writers }, async (_, writer) => {
      for (let n = 0, before = performance.now(); before < end; n++) {
        await operation(writer, n)
        const after = performance.now()
        latencies.push(after - before)
        before = after
      }
    }),
  )
  const value = latencies.length / ((performance.now() - begun) / 1_000)
  return { value, ...spreadOf(latencies), cpuUs: cpuSince(cpuBefore) / latencies.length }
}

/** Microseconds of the processor that this process has used. */
export function cpuSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before)
  return user + system
}

/** Rounded for people: three figures that mean something. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return '–'
  const size = Math.abs(value)
  if (size >= 10_000) return `${(value / 1_000).toFixed(1)} k`
  if (size >= 100) return value.toFixed(0)
  return size >= 10 ? value.toFixed(1) : value.toFixed(2)
}
