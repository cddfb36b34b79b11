// A link of somebody else's account takes nobody's Telegram: the bot says whose account it is, links on a press alone, and undoes it without a password.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findUserByTelegram } from '../../../src/commands/user/telegram/find-user-by-telegram.ts'
import { askForLinkCode } from '../../../src/commands/user/telegram/link-code.ts'
import { botEn } from '../../../src/messages/bot/en.ts'
import { botRu } from '../../../src/messages/bot/ru.ts'
import {
  mailedToken,
  newPerson,
  operatorRoot,
  PASSWORD,
  type Person,
  typesOf,
} from '../../support/people.ts'
import { allHandled, type BotApp, startBot } from '../../support/telegram/bot.ts'
import type { PersonOptions, TelegramPerson } from '../../support/telegram/people.ts'

let bot: BotApp
beforeAll(async () => {
  bot = await startBot()
})
afterAll(() => bot.stop())

async function answerTo(person: TelegramPerson, say: () => unknown): Promise<string> {
  const before = bot.telegram.texts(person.chatId).length
  say()
  return (await bot.telegram.said(person.chatId, before + 1))[before]?.text ?? ''
}
const says = (person: TelegramPerson, text: string) => answerTo(person, () => person.say(text))
const presses = (person: TelegramPerson, label: string) =>
  answerTo(person, () => person.press(label))

async function codeOf({ userId }: Person): Promise<string> {
  const { deps } = bot.test.app
  const root = { ...operatorRoot(bot.test), at: deps.clock.now().toISOString() }
  const self = { userId, sessionId: 'none', currentPassword: PASSWORD }
  return (await askForLinkCode(deps, root, self)).code
}
const userOf = (person: TelegramPerson) => findUserByTelegram(bot.test.app.deps, String(person.id))
const linksOf = async ({ userId }: Person) =>
  (await typesOf(bot.test, `user-${userId}`)).filter((type) => type.startsWith('Telegram'))

/** Has opened the link, and reads whose account it is. */
async function asked(options: PersonOptions = {}) {
  const [owner, ann] = [await newPerson(bot.test), bot.telegram.person(options)]
  const code = await codeOf(owner)
  return { owner, ann, code, card: await says(ann, `/start link_${code}`) }
}
async function linked() {
  const made = await asked()
  expect(await presses(made.ann, 'Link')).toBe(botEn.linked(made.owner.email))
  return made
}
describe('a link', () => {
  test('opened says whose account it is and warns, and links nothing', async () => {
    const { owner, ann, code, card } = await asked()
    expect(card).toBe(botEn.link.ask(owner.email))
    expect(card).toContain(owner.email)
    expect(card).toContain('Has somebody sent it to you? Press “No”')
    const [yes, no] = bot.telegram.messages.at(-1)?.buttons ?? []
    expect([yes?.callback_data, no?.callback_data]).toEqual([`link:${code}`, 'link:no'])
    expect(Buffer.byteLength(yes?.callback_data ?? '')).toBe(64)
    expect(await userOf(ann)).toBeUndefined()
    expect(await linksOf(owner)).toEqual([])
  })

  test('says of an address that nobody has confirmed: a stranger may have given it', async () => {
    const { owner, card, code } = await asked()
    expect(card).toContain('Nobody has confirmed this address')
    const verification = await mailedToken(bot.test, owner.email, 'verify_email')
    await bot.test.request('POST /auth/verify-email', { body: { token: verification } })
    const bob = bot.telegram.person()
    expect(await says(bob, `/start link_${code}`)).toBe(botEn.link.ask(owner.email, true))
    expect(botEn.link.ask(owner.email, true)).not.toContain('Nobody has confirmed')
  })

  test('is told in the language of whoever opened it, not of whoever made it', async () => {
    const { owner, ann, card } = await asked({ language_code: 'ru' })
    expect(card).toBe(botRu.link.ask(owner.email))
    expect(await presses(ann, botRu.link.no)).toBe(botRu.link.declined)
    expect(await userOf(ann)).toBeUndefined()
  })

  test('links on a press; pressed or opened again it changes nothing', async () => {
    const { owner, ann, code } = await linked()
    expect((await userOf(ann))?.userId).toBe(owner.userId)
    expect(await presses(ann, 'Link')).toBe(botEn.linked(owner.email))
    expect(await says(ann, `/start link_${code}`)).toBe(botEn.linked(owner.email))
    expect(await linksOf(owner)).toEqual(['TelegramLinked'])
    expect(await allHandled(bot.test, ann.chatId, 4)).toEqual([
      'start answered',
      'button answered',
      'button answered',
      'start answered',
    ])
  })

  test('works once: of two who were asked the first one has it', async () => {
    const { owner, ann, code } = await asked()
    const mallory = bot.telegram.person()
    await says(mallory, `/start link_${code}`)
    expect(await presses(ann, 'Link')).toBe(botEn.linked(owner.email))
    expect(await presses(mallory, 'Link')).toBe(botEn.link.over)
    expect(await userOf(mallory)).toBeUndefined()
    expect(await says(bot.telegram.person(), `/start link_${code}`)).toBe(botEn.link.over)
  })

  test('that was undone does not link again', async () => {
    const { ann, code } = await linked()
    await says(ann, '/unlink')
    await presses(ann, 'Unlink')
    ann.pressOn(`link:${code}`)
    await allHandled(bot.test, ann.chatId, 5)
    expect(bot.telegram.texts(ann.chatId).at(-1)).toBe(botEn.link.over)
    expect(await userOf(ann)).toBeUndefined()
  })

  test('pressed too late, or after a new password, says that it is over', async () => {
    const [late, changed] = [await asked(), await asked()]
    const reply = await bot.test.request('PATCH /me', {
      token: changed.owner.token,
      body: { password: 'another mule battery 72', current_password: PASSWORD },
    })
    expect(reply.status).toBe(200)
    expect(await presses(changed.ann, 'Link')).toBe(botEn.link.over)
    bot.test.clock.advance(10 * 60_000)
    expect(await presses(late.ann, 'Link')).toBe(botEn.link.over)
    expect(await userOf(late.ann)).toBeUndefined()
  })

  test('that is made up is over, too', async () => {
    const mallory = bot.telegram.person()
    for (const code of ['', 'x'.repeat(59), '🙂', '../..'])
      expect(await says(mallory, `/start link_${code}`)).toBe(botEn.link.over)
    expect(await userOf(mallory)).toBeUndefined()
  })

  test('takes nobody from the account that they have', async () => {
    const [{ ann, owner }, other] = [await linked(), await newPerson(bot.test)]
    expect(await says(ann, `/start link_${await codeOf(other)}`)).toBe(botEn.linkTaken)
    expect((await userOf(ann))?.userId).toBe(owner.userId)
    expect(await linksOf(other)).toEqual([])
  })

  test('in a group is refused, whether opened or pressed', async () => {
    const owner = await newPerson(bot.test)
    const ann = bot.telegram.person({ group: -1_007_000_000_001 })
    const code = await codeOf(owner)
    expect(await says(ann, `/start@${bot.telegram.username} link_${code}`)).toBe(botEn.link.notHere)
    expect(await answerTo(ann, () => ann.pressOn(`link:${code}`))).toBe(botEn.link.notHere)
    expect(await allHandled(bot.test, ann.chatId, 2)).toEqual(['start refused', 'button refused'])
    expect(await linksOf(owner)).toEqual([])
  })

  test('tried by pressing made-up codes is slowed down as a sign-in is', async () => {
    const limited = await startBot({}, {}, { limits: 'kept' })
    try {
      const mallory = limited.telegram.person()
      const codes = Array.from({ length: 12 }, (_, nth) => `${nth}`.padStart(59, '0'))
      limited.telegram.push(
        ...codes.map((code, nth) => ({
          update_id: 920_000_000 + nth,
          callback_query: {
            id: `guess-${nth}`,
            from: { id: mallory.id, first_name: 'M' },
            data: `link:${code}`,
            message: { message_id: 1, chat: { id: mallory.id, type: 'private' } },
          },
        })),
      )
      const texts = (await limited.telegram.said(mallory.chatId, 12)).map(({ text }) => text)
      expect(texts.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => botEn.link.over))
      expect(texts.slice(10)).not.toContain(botEn.link.over)
    } finally {
      await limited.stop()
    }
  })
})

describe('/unlink', () => {
  test('undoes the link without a password, after a press', async () => {
    const { owner, ann } = await linked()
    expect(await says(ann, '/unlink')).toBe(botEn.unlink.ask(owner.email))
    expect(await presses(ann, 'No')).toBe(botEn.unlink.kept)
    expect((await userOf(ann))?.userId).toBe(owner.userId)
    expect(await presses(ann, 'Unlink')).toBe(botEn.unlink.done)
    expect(await presses(ann, 'Unlink')).toBe(botEn.unlink.done)
    expect(await userOf(ann)).toBeUndefined()
    expect(await linksOf(owner)).toEqual(['TelegramLinked', 'TelegramUnlinked'])
    // Their next account is their own, and the account that was left stays as it is.
    expect(await says(ann, '/start')).toBe(botEn.welcome)
    expect((await userOf(ann))?.userId).not.toBe(owner.userId)
    expect((await bot.test.request('GET /me', { token: owner.token })).status).toBe(200)
  })

  test('leaves nobody without a way in', async () => {
    const ann = bot.telegram.person()
    await says(ann, '/start')
    expect(await says(ann, '/unlink')).toBe(botEn.unlink.lastWayIn)
    const { telegram } = (await userOf(ann)) ?? {}
    expect(await answerTo(ann, () => ann.pressOn(`unlink:${telegram?.claimId}`))).toBe(
      botEn.unlink.lastWayIn,
    )
    expect(await userOf(ann)).toBeDefined()
    expect(await allHandled(bot.test, ann.chatId, 3)).toEqual([
      'start answered',
      'unlink refused',
      'button refused',
    ])
  })

  test('by the button of an earlier link undoes no later one', async () => {
    const { owner, ann } = await linked()
    await says(ann, '/unlink')
    const { telegram } = (await userOf(ann)) ?? {}
    await presses(ann, 'Unlink')
    await says(ann, `/start link_${await codeOf(owner)}`)
    await presses(ann, 'Link')
    const old = () => ann.pressOn(`unlink:${telegram?.claimId}`)
    expect(await answerTo(ann, old)).toBe(botEn.oldButton)
    expect((await userOf(ann))?.userId).toBe(owner.userId)
  })

  test('is nothing for a group', async () => {
    const { ann, owner } = await linked()
    const inGroup = bot.telegram.person({ id: ann.id, group: -1_007_000_000_002 })
    expect(await says(inGroup, `/unlink@${bot.telegram.username}`)).toBe(botEn.unlink.notHere)
    expect((await userOf(ann))?.userId).toBe(owner.userId)
  })

  test('of nobody says how to begin', async () => {
    expect(await says(bot.telegram.person(), '/unlink')).toBe(botEn.startFirst)
  })
})
