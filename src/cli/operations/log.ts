/** `projections`, `invariants`: what was made from the log, and whether it keeps its promises. */
import { z } from 'zod'
import { checkInvariants, type Invariant, invariants } from '../invariants/index.ts'
import { type Line, operation, OperationFailed } from '../operation.ts'

const status = operation({
  name: 'projections.status',
  input: z.strictObject({}),
  async run({ engine, runner }, _input, tell) {
    const head = await engine.events.head()
    for (const one of runner.status()) {
      const behind = head > one.checkpoint ? head - maxOf(one.checkpoint, 0n) : 0n
      tell({
        kind: 'row',
        row: {
          name: one.name,
          version: `${one.version}.${one.generation}`,
          position: maxOf(one.checkpoint, 0n).toString(),
          behind: behind.toString(),
          state: one.stopped ?? (behind === 0n ? 'up to date' : 'catching up'),
        },
      })
    }
  },
})
const maxOf = (a: bigint, b: bigint): bigint => (a > b ? a : b)

const rebuild = operation({
  name: 'projections.rebuild',
  input: z.strictObject({ name: z.string().min(1).optional() }),
  async run({ runner }, { name }, tell, signal) {
    const names = runner.status().map((one) => one.name)
    if (name !== undefined && !names.includes(name))
      throw new OperationFailed(`no projection is called ${name}; there are: ${names.join(', ')}`)
    for (const one of name === undefined ? names : [name]) {
      if (signal.aborted) throw new OperationFailed('stopped; what was rebuilt so far stays')
      const begun = performance.now()
      let read = 0n
      await runner.rebuild(one, (done, head) => {
        read = maxOf(done, 0n)
        tell(progress(`rebuilding ${one}`, done, head))
      })
      const seconds = ((performance.now() - begun) / 1_000).toFixed(1)
      tell({ kind: 'row', row: { name: one, events: read.toString(), seconds } })
    }
  },
})

const progress = (label: string, done: bigint, total: bigint): Line => ({
  kind: 'progress',
  label,
  done: Number(maxOf(done, 0n)),
  total: Number(maxOf(total, 0n)),
})

/** So many violations are shown of each invariant. */
const SHOWN = 5

const checkAll = operation({
  name: 'invariants',
  input: z.strictObject({}),
  async run(app, _input, tell) {
    const workersSince = new Date(Date.now() - process.uptime() * 1_000)
    const report = await checkInvariants(app, {
      workersSince,
      onProgress: (label, done, total) => tell(progress(`checking ${label}`, done, total)),
    })
    for (const [name, promise] of Object.entries(invariants))
      tell({
        kind: 'row',
        row: { invariant: name, promise, violations: report.counts.get(name as Invariant) ?? 0 },
      })
    const shown = new Map<Invariant, number>()
    for (const { invariant, position, where, sentence } of report.violations) {
      const count = (shown.get(invariant) ?? 0) + 1
      shown.set(invariant, count)
      const at = position === undefined ? '' : ` at position ${position}`
      if (count <= SHOWN) tell({ kind: 'note', text: `${invariant}${at}, ${where}: ${sentence}` })
    }
    const { events: count, accounts, documents } = report
    const broken = [...report.counts.values()].reduce((sum, one) => sum + one, 0)
    tell({
      kind: 'note',
      text: `Checked: events ${count}, accounts ${accounts}, documents of views ${documents}.`,
    })
    if (broken > 0) throw new OperationFailed(broken === 1 ? '1 violation' : `${broken} violations`)
  },
})

export const logOperations = [status, rebuild, checkAll]
