// Of many calls at once on a hard budget exactly as many get their hold as it has room for, with one
// process and with three that know nothing of each other.
import { describe, expect, test } from 'vitest'
import { createIds } from '../../../src/adapters/ids.ts'
import { createSealer } from '../../../src/adapters/sealing.ts'
import { type Root, unkeyedStep } from '../../../src/commands/context.ts'
import { createEventCodec } from '../../../src/commands/event-codec.ts'
import { createStreams } from '../../../src/commands/streams.ts'
import { account } from '../../../src/domain/account/account.ts'
import type { AccountCommand } from '../../../src/domain/account/commands.ts'
import { catalogue } from '../../../src/domain/catalogue.ts'
import { grant, hold, idOf, minute } from '../../support/account-commands.ts'
import { openTemporary } from '../../support/embedded-engine.ts'
import { silent } from '../../support/silent.ts'

const ids = createIds()
const ORG = idOf('organization', 1)

describe.each([1, 3])('%s processes', (processes) => {
  test.each([
    [40, 400n, 40],
    [60, 250n, 25],
    [60, 9n, 0],
  ])('%s calls of 10 on a budget of %s: %s pass', async (calls, limit, expected) => {
    const { engine } = await openTemporary()
    const masterKey = (await engine.keys.masterKey()) as Uint8Array
    const sealer = await createSealer({ keys: engine.keys, masterKey })
    const codec = createEventCodec(catalogue, { sealer, ids })
    const { events, snapshots } = engine
    const all = Array.from({ length: processes }, () =>
      createStreams({ events, snapshots, codec, logger: silent }),
    )
    const decide = (n: number, command: AccountCommand) => {
      const id = ids.random()
      const actor = { kind: 'operator' } as const
      const root: Root = { id, actor, at: minute(0), correlationId: id, causationId: id }
      const streams = all[n % processes]
      if (!streams) throw new Error('there is a process')
      return streams.transact(account, ORG, command, unkeyedStep(ids, root, 'step'))
    }
    await decide(0, { type: 'OpenAccount', orgId: ORG, at: minute(0) })
    await decide(0, grant(1, 1_000_000n))
    const budget = {
      ruling: { policyId: idOf('policy', 1), version: 1, rule: 'Team', reason: 'test' },
      per: 'user',
      period: 'day',
      amountNanos: limit.toString(),
      hard: true,
      thresholds: [],
    } as const
    const answers = await Promise.allSettled(
      Array.from({ length: calls }, (_, n) => decide(n, hold(n + 1, 10n, { budgets: [budget] }))),
    )
    const refused = answers.filter((one) => one.status === 'rejected')
    for (const { reason } of refused) expect(reason).toMatchObject({ code: 'budget_exceeded' })
    expect(calls - refused.length).toBe(expected)
  })
})
