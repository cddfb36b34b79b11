/** Commands on one hot account beside the same commands spread over 64: it must not fight with itself. */
import { createIds } from '../../src/adapters/ids.ts'
import { createSealer } from '../../src/adapters/sealing.ts'
import { createSystemClock } from '../../src/adapters/system-clock.ts'
import { step } from '../../src/commands/context.ts'
import { createEventCodec } from '../../src/commands/event-codec.ts'
import { createStreams, type Streams } from '../../src/commands/streams.ts'
import { account } from '../../src/domain/account/account.ts'
import type { AccountCommand } from '../../src/domain/account/commands.ts'
import { catalogue } from '../../src/domain/catalogue.ts'
import { idFromUuid } from '../../src/domain/ids.ts'
import { openEngine } from '../../src/engines/embedded/index.ts'
import type { Engine } from '../../src/ports/engine.ts'
import { type Bench, inTurns, loops, rowOf, type Sample } from '../harness.ts'
import { quiet } from '../system.ts'

const AT_ONCE = 64
const ids = createIds()

async function streamsOn(engine: Engine): Promise<Streams> {
  const masterKey = (await engine.keys.masterKey()) ?? new Uint8Array(32)
  const sealer = await createSealer({ keys: engine.keys, masterKey })
  const codec = createEventCodec(catalogue, { sealer, ids })
  const { events, snapshots } = engine
  return createStreams({ events, snapshots, codec, logger: quiet })
}

/** Holds and their releases in turn, as calls make and end them. */
function holding(streams: Streams, orgs: readonly string[]) {
  const at = new Date().toISOString()
  const agentId = idFromUuid('agent', ids.random())
  const priceListId = idFromUuid('priceList', ids.random())
  const open = new Map<number, string>()
  const send = (orgId: string, command: AccountCommand) => {
    const id = ids.random()
    const wish = {
      id,
      actor: { kind: 'operator' },
      at,
      correlationId: id,
      causationId: id,
    } as const
    return streams.transact(account, orgId, command, step(ids, wish, 'bench'))
  }
  return {
    async prepare() {
      for (const orgId of orgs) {
        await send(orgId, { type: 'OpenAccount', orgId, at })
        const lotId = idFromUuid('lot', ids.random())
        const grant = { grantId: lotId, lotId, kind: 'paid', source: 'administrator' } as const
        const reason = 'bench'
        const amountNanos = 1_000_000_000_000n
        await send(orgId, { type: 'GrantCredit', ...grant, amountNanos, reason, at })
      }
    },
    next(writer: number) {
      const orgId = orgs[writer % orgs.length] ?? ''
      const held = open.get(writer)
      if (held !== undefined) {
        open.delete(writer)
        return send(orgId, { type: 'ReleaseHold', invocationId: held, reason: 'canceled', at })
      }
      const invocationId = idFromUuid('invocation', ids.random())
      open.set(writer, invocationId)
      return send(orgId, {
        type: 'PlaceHold',
        invocationId,
        amountNanos: 1_000_000n,
        requestedAt: at,
        at,
        agentId,
        agentVersion: 1,
        model: 'bench',
        priceListId,
        priceListVersion: 1,
        contents: [],
      })
    },
  }
}

export const accountRows: readonly Bench[] = [
  {
    names: ['hot-account'],
    title: '64 parallel commands on one account',
    async run(settings) {
      let refused = 0
      const turn = (accounts: number) => async (): Promise<Sample> => {
        const engine = await openEngine({
          dataDir: settings.folder(),
          logger: quiet,
          clock: createSystemClock(),
        })
        const orgs = Array.from({ length: accounts }, () =>
          idFromUuid('organization', ids.random()),
        )
        const calls = holding(await streamsOn(engine), orgs)
        await calls.prepare()
        const sample = await loops(AT_ONCE, settings.turnMs, (writer) =>
          calls.next(writer).catch(() => refused++),
        )
        await engine.close()
        return sample
      }
      const compared = await inTurns(settings.rounds, turn(1), turn(AT_ONCE))
      const given = {
        name: 'hot-account',
        unit: 'commands/s',
        besideName: 'the same over 64 accounts',
        target: { of: 'ratio', least: 0.5 },
        notes: `${refused} refused`,
      } as const
      return [rowOf(given, compared, refused === 0)]
    },
  },
]
