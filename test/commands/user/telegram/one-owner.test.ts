// A1: whatever people, the bot, workers and crashes do at once, a Telegram account and an address are one person's at every moment.
import * as fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Deps } from '../../../../src/commands/deps.ts'
import { emailHmacOf, findUserByEmail } from '../../../../src/commands/user/find-user.ts'
import { deactivateUser } from '../../../../src/commands/user/deactivate-user.ts'
import { reactivateUser } from '../../../../src/commands/user/reactivate-user.ts'
import { changeEmail } from '../../../../src/commands/user/change-email.ts'
import { enterByTelegram } from '../../../../src/commands/user/telegram/enter-by-telegram.ts'
import {
  findUserByTelegram,
  telegramHmacOf,
} from '../../../../src/commands/user/telegram/find-user-by-telegram.ts'
import { linkTelegram } from '../../../../src/commands/user/telegram/link-telegram.ts'
import { unlinkTelegram } from '../../../../src/commands/user/telegram/unlink-telegram.ts'
import { emailClaim } from '../../../../src/domain/user/email-claim.ts'
import { Refusal } from '../../../../src/domain/refusal.ts'
import { telegramClaim } from '../../../../src/domain/user/telegram-claim.ts'
import { user } from '../../../../src/domain/user/user.ts'
import { startTestApp, type TestApp } from '../../../support/app.ts'
import { freshEmail, newPerson, operatorRoot, wholeLog } from '../../../support/people.ts'
import { freshTelegramId } from '../../../support/telegram-login.ts'

let app: TestApp
beforeAll(async () => {
  app = await startTestApp({ USAGE_LOG: 'off' })
})
afterAll(() => app.stop())

const deeds = [
  ...(['enter', 'enter', 'link', 'link', 'unlink', 'address', 'address'] as const),
  ...(['deactivate', 'reactivate', 'sweep'] as const),
]

interface Step {
  readonly does: (typeof deeds)[number]
  readonly account: number
  readonly person: number
  readonly email: number
  /** Dies before this append of its own; many never come so far. */
  readonly dies: number
  /** Turns of the event loop that it sleeps before each of its appends: others get ahead. */
  readonly sleeps: number
}
const step: fc.Arbitrary<Step> = fc.record({
  does: fc.constantFrom(...deeds),
  account: fc.nat(2),
  person: fc.nat(2),
  email: fc.nat(1),
  dies: fc.integer({ min: 0, max: 12 }),
  sleeps: fc.oneof(fc.constant(0), fc.nat(20)),
})

class Killed extends Error {}

/** Everything but this wish lives on. */
function mortal(deps: Deps, { dies, sleeps }: Step): Deps {
  let left = dies
  const transact: Deps['streams']['transact'] = async (...asked) => {
    if (left-- === 0) throw new Killed()
    for (let turn = 0; turn < sleeps; turn++) await new Promise((wake) => setImmediate(wake))
    return deps.streams.transact(...asked)
  }
  return { ...deps, streams: { ...deps.streams, transact } }
}

interface World {
  readonly accounts: readonly string[]
  readonly emails: readonly string[]
  /** Who has a password, and whoever has come by Telegram. */
  readonly people: string[]
}

async function take({ accounts, emails, people }: World, asked: Step): Promise<void> {
  if (asked.does === 'sweep') return app.app.workers.sweep()
  const deps = mortal(app.app.deps, asked)
  const root = operatorRoot(app)
  const telegramId = accounts[asked.account] ?? ''
  const userId = people[asked.person % people.length] ?? ''
  const email = emails[asked.email] ?? ''
  const work = {
    enter: async () => {
      const entered = await enterByTelegram(deps, root, { telegramId, locale: 'en' })
      people.push(entered.user.userId)
    },
    link: () => linkTelegram(deps, root, userId, { telegramId }),
    unlink: () => unlinkTelegram(deps, root, userId),
    address: () => changeEmail(deps, root, { userId, email }),
    deactivate: () => deactivateUser(deps, root, { userId }),
    reactivate: () => reactivateUser(deps, root, { userId }),
  }
  try {
    await work[asked.does]()
  } catch (error) {
    if (!(error instanceof Killed) && !(error instanceof Refusal)) throw error
  }
}

/** Follows the log: who had which account and which address after each event. */
async function expectOneOwnerAllAlong() {
  const owners = new Map<string, Set<string>>()
  const of = (thing: unknown) => {
    const found = owners.get(String(thing)) ?? new Set()
    owners.set(String(thing), found)
    return found
  }
  for (const { type, data } of await wholeLog(app)) {
    const userId = String(data['userId'])
    if (type === 'TelegramLinked') of(data['telegramHmac']).add(userId)
    if (type === 'TelegramUnlinked') of(data['telegramHmac']).delete(userId)
    if (type === 'UserRegistered') of(data['emailHmac']).add(userId)
    if (type === 'EmailChanged') {
      of(data['previousEmailHmac']).delete(userId)
      of(data['emailHmac']).add(userId)
    }
    for (const people of owners.values()) expect(people.size).toBeLessThanOrEqual(1)
  }
}

/** In quiet, claims and people say the same of each other. */
async function expectAgreement({ accounts, emails, people }: World) {
  const { deps } = app.app
  for (const telegramId of accounts) {
    const owner = await findUserByTelegram(deps, telegramId)
    const { state: claim } = await deps.streams.load(
      telegramClaim,
      telegramHmacOf(deps, telegramId),
    )
    expect(owner?.userId).toBe(claim.held?.userId)
    expect(owner?.telegram?.telegramId).toBe(owner && telegramId)
  }
  for (const email of emails) {
    const owner = await findUserByEmail(deps, email)
    const { state: claim } = await deps.streams.load(emailClaim, emailHmacOf(deps, email))
    expect(owner?.userId).toBe(claim.held?.userId)
  }
  for (const userId of people) {
    const { state } = await deps.streams.load(user, userId)
    const { telegramHmac, claimId } = state?.telegram ?? {}
    if (telegramHmac === undefined) continue
    const { state: claim } = await deps.streams.load(telegramClaim, telegramHmac)
    expect(claim.held?.claimId).toBe(claimId)
  }
}

test('in any interleaving', { timeout: 60_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(step, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 4 }),
      async (rounds) => {
        const world: World = {
          accounts: [1, 2, 3].map(freshTelegramId),
          emails: [freshEmail(), freshEmail()],
          people: [(await newPerson(app)).userId],
        }
        for (const round of rounds) await Promise.all(round.map((asked) => take(world, asked)))
        await app.settled()
        await app.app.workers.sweep()
        await app.settled()
        await expectAgreement(world)
      },
    ),
    { numRuns: 15 },
  )
  await expectOneOwnerAllAlong()
})
