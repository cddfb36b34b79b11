// A link to the bot brings an invited person in; any other leads nowhere, and tells nothing.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { packToken, readPayload } from '../../../src/commands/telegram/start-payload.ts'
import { mailToken } from '../../../src/commands/mail/mail-token.ts'
import { findUserByTelegram } from '../../../src/commands/user/telegram/find-user-by-telegram.ts'
import { inviteMember } from '../../../src/commands/organization/invite-member.ts'
import {
  eventually,
  freshEmail,
  newPerson,
  operatorRoot,
  type Person,
} from '../../support/people.ts'
import { type BotApp, startBot } from '../../support/telegram/bot.ts'
import type { TelegramPerson } from '../../support/telegram/people.ts'

let bot: BotApp
let host: Person

beforeAll(async () => {
  bot = await startBot({ REGISTRATION: 'open' })
  host = await newPerson(bot.test)
})
afterAll(() => bot.stop())

async function says(person: TelegramPerson, text: string): Promise<string> {
  const before = bot.telegram.texts(person.chatId).length
  person.say(text)
  return (await bot.telegram.said(person.chatId, before + 1))[before]?.text ?? ''
}
const userOf = (person: TelegramPerson) => findUserByTelegram(bot.test.app.deps, String(person.id))

/** The token that is in the mail. */
async function invited(email: string): Promise<string> {
  const { deps } = bot.test.app
  const root = operatorRoot(bot.test)
  await inviteMember(deps, root, { orgId: host.orgId, by: host.userId, email, role: 'member' })
  return eventually(async () => {
    const events = await bot.test.app.engine.events.readAll({ after: -1n, limit: 10_000 })
    const asked = events.findLast(
      ({ type, data }) => type === 'MailRequested' && data['kind'] === 'invitation',
    )
    return asked && mailToken(deps, String(asked.data['mailId']))
  })
}

describe('an invitation', () => {
  test('brings a newcomer in with the address that was invited', async () => {
    const email = freshEmail()
    const payload = packToken(await invited(email)) ?? ''
    expect(payload).toMatch(/^[\w-]{64}$/)
    const carol = bot.telegram.person()
    expect(await says(carol, `/start ${payload}`)).toContain('you have joined')
    expect(await userOf(carol)).toMatchObject({ email, provisional: false, emailVerified: true })
    await bot.test.settled()
    expect(await says(carol, '/organization')).toContain('Which organization')
    expect(await says(carol, '/balance')).toContain('Credit')
    // It works once.
    const dave = bot.telegram.person()
    expect(await says(dave, `/start ${payload}`)).not.toContain('you have joined')
  })

  test('that is made up makes nobody', async () => {
    const mallory = bot.telegram.person()
    expect(await says(mallory, `/start ${'A'.repeat(64)}`)).not.toContain('Welcome')
    expect(await userOf(mallory)).toBeUndefined()
  })
})

describe('payloads', () => {
  test('are read as they were packed', () => {
    const token = `mai_${'01234567'.repeat(3)}zz.${'0123456789abcdef'.repeat(4)}`
    const fits = token.replace(/mai_./, 'mai_7')
    const packed = packToken(fits) ?? ''
    expect(readPayload(packed)).toEqual({ kind: 'invitation', token: fits })
    expect(packToken('nonsense')).toBeUndefined()
    expect(readPayload('')).toEqual({ kind: 'nothing' })
    expect(readPayload('newsletter')).toEqual({ kind: 'unknown' })
  })
})
