/** Commands on accounts as calls cause them, through the product's own lanes. */
import { createIds } from '../src/adapters/ids.ts'
import { createSealer } from '../src/adapters/sealing.ts'
import { step } from '../src/commands/context.ts'
import { createEventCodec } from '../src/commands/event-codec.ts'
import { createStreams, type Streams } from '../src/commands/streams.ts'
import { account } from '../src/domain/account/account.ts'
import type { AccountCommand } from '../src/domain/account/commands.ts'
import { catalogue } from '../src/domain/catalogue.ts'
import { idFromUuid } from '../src/domain/ids.ts'
import type { Engine } from '../src/ports/engine.ts'
import { quiet } from './system.ts'

const ids = createIds()

export const newAccount = (): string => idFromUuid('organization', ids.random())

export async function streamsOn(engine: Engine, masterKey: Uint8Array): Promise<Streams> {
  const sealer = await createSealer({ keys: engine.keys, masterKey })
  const codec = createEventCodec(catalogue, { sealer, ids })
  const { events, snapshots } = engine
  return createStreams({ events, snapshots, codec, logger: quiet, alone: engine.singleProcess })
}

/** Holds and their releases in turn, as calls make and end them. */
export function holding(streams: Streams, orgs: readonly string[]) {
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
