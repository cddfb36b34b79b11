/**
 * One chat with the bot: whether the bot may write there, and what each person has chosen there. Updates
 * may arrive out of order, so of two that say opposite things the one that was said later holds.
 */
import type { Decider } from '../decider.ts'
import type { TelegramChatEvent } from './events.ts'

/** Where in the conversation something was said. */
export interface Said {
  readonly updateId: number
  readonly saidAt: string
}

interface Chosen {
  readonly id: string
  readonly by: Said
}

export interface TelegramChat {
  /** stopped: until /start · blocked: until somebody writes. */
  readonly voice: 'free' | 'stopped' | 'blocked'
  readonly voiceBy: Said | undefined
  /** By sender. */
  readonly agents: ReadonlyMap<string, Chosen>
  readonly organizations: ReadonlyMap<string, Chosen>
}

interface Where {
  readonly botId: string
  readonly chatKey: string
  readonly at: string
}

export type TelegramChatCommand = Where &
  Said &
  (
    | { readonly type: 'StartChat' | 'StopChat' | 'BlockChat' }
    /** Somebody writes: whoever blocked the bot has taken it back. */
    | { readonly type: 'HearFromChat' }
    | { readonly type: 'SelectAgent'; readonly senderKey: string; readonly agentId: string }
    | { readonly type: 'SelectOrganization'; readonly senderKey: string; readonly orgId: string }
  )

const isLater = (a: Said, b: Said | undefined): boolean =>
  b === undefined || a.saidAt > b.saidAt || (a.saidAt === b.saidAt && a.updateId > b.updateId)

function decide(command: TelegramChatCommand, chat: TelegramChat): readonly TelegramChatEvent[] {
  const { botId, chatKey, updateId, saidAt, at } = command
  const data = { botId, chatKey, updateId, saidAt, at }
  const speaksLater = isLater(command, chat.voiceBy)
  switch (command.type) {
    case 'StartChat':
      return speaksLater ? [{ type: 'TelegramChatStarted', data }] : []
    case 'StopChat':
      return speaksLater ? [{ type: 'TelegramChatStopped', data }] : []
    case 'BlockChat':
      return chat.voice === 'blocked' || !isNotEarlier(command, chat.voiceBy)
        ? []
        : [{ type: 'TelegramChatBlocked', data }]
    case 'HearFromChat':
      return chat.voice === 'blocked' && speaksLater ? [{ type: 'TelegramChatStarted', data }] : []
    case 'SelectAgent': {
      const { senderKey, agentId } = command
      return isLater(command, chat.agents.get(senderKey)?.by)
        ? [{ type: 'TelegramAgentSelected', data: { ...data, senderKey, agentId } }]
        : []
    }
    case 'SelectOrganization': {
      const { senderKey, orgId } = command
      return isLater(command, chat.organizations.get(senderKey)?.by)
        ? [{ type: 'TelegramOrganizationSelected', data: { ...data, senderKey, orgId } }]
        : []
    }
  }
}

/** A block is noted while an update is answered, so that update's own /start does not outlive it. */
const isNotEarlier = (a: Said, b: Said | undefined): boolean => b === undefined || !isLater(b, a)

function evolve(chat: TelegramChat, event: TelegramChatEvent): TelegramChat {
  const { updateId, saidAt } = event.data
  const by = { updateId, saidAt }
  switch (event.type) {
    case 'TelegramChatStarted':
      return { ...chat, voice: 'free', voiceBy: by }
    case 'TelegramChatStopped':
      return { ...chat, voice: 'stopped', voiceBy: by }
    case 'TelegramChatBlocked':
      return { ...chat, voice: 'blocked', voiceBy: by }
    case 'TelegramAgentSelected': {
      const { senderKey, agentId: id } = event.data
      return { ...chat, agents: new Map(chat.agents).set(senderKey, { id, by }) }
    }
    case 'TelegramOrganizationSelected': {
      const { senderKey, orgId: id } = event.data
      return { ...chat, organizations: new Map(chat.organizations).set(senderKey, { id, by }) }
    }
  }
}

export const telegramChat: Decider<TelegramChat, TelegramChatCommand, TelegramChatEvent> = {
  category: 'telegramChat',
  initial: () => ({
    voice: 'free',
    voiceBy: undefined,
    agents: new Map(),
    organizations: new Map(),
  }),
  decide,
  evolve,
}
