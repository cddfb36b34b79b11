/** Commands on one hot account beside the same commands spread over 64: it must not fight with itself. */
import { createSystemClock } from '../../src/adapters/system-clock.ts'
import { openEngine } from '../../src/engines/embedded/index.ts'
import { type Bench, inTurns, loops, rowOf, type Sample } from '../harness.ts'
import { holding, newAccount, streamsOn } from '../holds.ts'
import { quiet } from '../system.ts'

const AT_ONCE = 64

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
        const orgs = Array.from({ length: accounts }, newAccount)
        const masterKey = (await engine.keys.masterKey()) ?? new Uint8Array(32)
        const calls = holding(await streamsOn(engine, masterKey), orgs)
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
