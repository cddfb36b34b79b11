/** `stop` and `resume`: all calls to models, at once. */
import { z } from 'zod'
import { setCallsStopped } from '../../commands/spend/stopped.ts'
import { operation } from '../operation.ts'
import { operatorRoot } from './operator.ts'

const stop = operation({
  name: 'calls.stop',
  input: z.strictObject({ reason: z.string().trim().min(1, 'say why').max(500).optional() }),
  async run({ deps }, { reason }, tell) {
    const wish = { stopped: true, ...(reason === undefined ? {} : { reason }) }
    const { state } = await setCallsStopped(deps, operatorRoot(deps), wish)
    const { since, reason: why } = state.stopped ?? {}
    tell({
      kind: 'row',
      row: { stopped: true, since, ...(why === undefined ? {} : { reason: why }) },
    })
  },
})

const resume = operation({
  name: 'calls.resume',
  input: z.strictObject({}),
  async run({ deps }, _input, tell) {
    await setCallsStopped(deps, operatorRoot(deps), { stopped: false })
    tell({ kind: 'row', row: { stopped: false } })
  },
})

export const callOperations = [stop, resume]
