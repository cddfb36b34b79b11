// An update is received once and handled once; in a chat what was said later holds, in whatever order it arrives.
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Refusal } from '../../../src/domain/refusal.ts'
import {
  type TelegramChat,
  telegramChat,
  type TelegramChatCommand,
} from '../../../src/domain/telegram-chat/telegram-chat.ts'
import {
  telegramUpdate,
  telegramUpdateId,
} from '../../../src/domain/telegram-update/telegram-update.ts'
import { given as tell } from '../../support/decider.ts'

const at = '2026-01-01T00:00:00.000Z'
const key = 'a'.repeat(64)
const where = { botId: '1', chatKey: key, at }

describe('an update', () => {
  const { type: _, ...data } = {
    type: 'ReceiveUpdate',
    botId: '1',
    updateId: 7,
    mark: 'b'.repeat(16),
    kind: 'message',
    urgent: false,
    chatKey: key,
    senderKey: key,
    saidAt: at,
    content: { part: 'update', ref: 'x/y/z', digest: 'c'.repeat(64), size: 1 },
    at,
  } as const
  const receive = { type: 'ReceiveUpdate', ...data } as const
  const received = { type: 'TelegramUpdateReceived', data } as const
  const end = { type: 'EndUpdate', handledAs: 'text', outcome: 'answered', at } as const
  const handled = {
    type: 'TelegramUpdateHandled',
    data: { botId: '1', updateId: 7, chatKey: key, handledAs: 'text', outcome: 'answered', at },
  } as const

  test('comes once', () => {
    tell(telegramUpdate, []).when(receive).then([received])
    tell(telegramUpdate, [received]).when(receive).thenNothing()
    tell(telegramUpdate, [received, handled]).when(receive).thenNothing()
  })
  test('ends once, and not before it came', () => {
    tell(telegramUpdate, [received]).when(end).then([handled])
    tell(telegramUpdate, [received, handled])
      .when({ ...end, outcome: 'failed' })
      .thenNothing()
    expect(() => telegramUpdate.decide(end, undefined)).toThrow(Refusal)
  })
  test('is another one where its number began anew', () => {
    const again = { updateId: 7, mark: 'd'.repeat(16) }
    expect(telegramUpdateId('1', data)).not.toBe(telegramUpdateId('1', again))
  })
})

type Wish = TelegramChatCommand extends infer C
  ? C extends TelegramChatCommand
    ? Omit<C, 'botId' | 'chatKey' | 'at' | 'updateId' | 'saidAt'>
    : never
  : never
const said = (updateId: number, wish: Wish): TelegramChatCommand =>
  ({ ...where, ...wish, updateId, saidAt: at }) as TelegramChatCommand

const after = (commands: readonly TelegramChatCommand[]): TelegramChat => {
  let chat = telegramChat.initial()
  for (const command of commands)
    for (const event of telegramChat.decide(command, chat)) chat = telegramChat.evolve(chat, event)
  return chat
}
const shown = ({ voice, agents, organizations }: TelegramChat) => ({
  voice,
  agents: [...agents].map(([who, { id }]) => `${who} ${id}`).sort(),
  organizations: [...organizations].map(([who, { id }]) => `${who} ${id}`).sort(),
})

describe('a chat', () => {
  const stop = { type: 'StopChat' } as const
  const start = { type: 'StartChat' } as const

  test('is silent from /stop to /start', () => {
    expect(after([said(1, stop)]).voice).toBe('stopped')
    expect(after([said(1, stop), said(2, { type: 'HearFromChat' })]).voice).toBe('stopped')
    expect(after([said(1, stop), said(2, start)]).voice).toBe('free')
  })
  test('that was blocked is free again when somebody writes later', () => {
    const block = { type: 'BlockChat' } as const
    expect(after([said(1, start), said(1, block)]).voice).toBe('blocked')
    expect(after([said(2, block), said(1, { type: 'HearFromChat' })]).voice).toBe('blocked')
    expect(after([said(2, block), said(3, { type: 'HearFromChat' })]).voice).toBe('free')
  })
  test('says nothing of what is so already', () => {
    const again = said(1, stop)
    expect(telegramChat.decide(again, after([again]))).toEqual([])
  })

  test('ends alike in any order and however often it is said', () => {
    const agent = (senderKey: string, agentId: string) =>
      ({ type: 'SelectAgent', senderKey, agentId }) as const
    const organization = (senderKey: string, orgId: string) =>
      ({ type: 'SelectOrganization', senderKey, orgId }) as const
    const wish = fc.constantFrom<Wish>(
      stop,
      start,
      agent('ann', 'one'),
      agent('ann', 'two'),
      agent('bob', 'one'),
      organization('ann', 'one'),
      organization('ann', 'two'),
    )
    const story = fc.array(wish, { maxLength: 12 }).map((all) => all.map((one, n) => said(n, one)))
    fc.assert(
      fc.property(
        story.chain((all) =>
          fc.tuple(
            fc.constant(all),
            fc.shuffledSubarray([...all, ...all], { minLength: all.length * 2 }),
          ),
        ),
        ([inOrder, shuffled]) => {
          expect(shown(after(shuffled))).toEqual(shown(after(inOrder)))
        },
      ),
    )
  })
})
