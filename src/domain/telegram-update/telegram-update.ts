/**
 * One update of Telegram: received once, handled once. That the stream exists is how a repeated delivery
 * is known; that it ends with Handled is how a repeated job is.
 */
import type { Decider } from '../decider.ts'
import { Refusal } from '../refusal.ts'
import type { TelegramUpdateEvent } from './events.ts'

type Received = Extract<TelegramUpdateEvent, { type: 'TelegramUpdateReceived' }>['data']
type Handled = Extract<TelegramUpdateEvent, { type: 'TelegramUpdateHandled' }>['data']

export interface TelegramUpdate {
  readonly received: Received
  readonly handled: Handled | undefined
}
/** undefined: it never came. */
export type TelegramUpdateState = TelegramUpdate | undefined

export type TelegramUpdateCommand =
  | ({ readonly type: 'ReceiveUpdate' } & Received)
  | ({ readonly type: 'EndUpdate' } & Pick<Handled, 'handledAs' | 'outcome' | 'userId' | 'at'>)

function decide(
  command: TelegramUpdateCommand,
  state: TelegramUpdateState,
): readonly TelegramUpdateEvent[] {
  switch (command.type) {
    case 'ReceiveUpdate': {
      if (state) return []
      const { type: _, ...data } = command
      return [{ type: 'TelegramUpdateReceived', data }]
    }
    case 'EndUpdate': {
      if (!state) throw new Refusal('not_found')
      if (state.handled) return []
      const { botId, updateId, chatKey } = state.received
      const { type: _, ...how } = command
      return [{ type: 'TelegramUpdateHandled', data: { botId, updateId, chatKey, ...how } }]
    }
  }
}

function evolve(state: TelegramUpdateState, event: TelegramUpdateEvent): TelegramUpdateState {
  switch (event.type) {
    case 'TelegramUpdateReceived':
      return { received: event.data, handled: undefined }
    case 'TelegramUpdateHandled':
      return state && { ...state, handled: event.data }
  }
}

export const telegramUpdate: Decider<
  TelegramUpdateState,
  TelegramUpdateCommand,
  TelegramUpdateEvent
> = {
  category: 'telegramUpdate',
  initial: () => undefined,
  decide,
  evolve,
}

/** Update numbers may begin anew, so the number alone does not say which update it is. */
export const telegramUpdateId = (
  botId: string,
  { updateId, mark }: { readonly updateId: number; readonly mark: string },
): string => `${botId}-${updateId}-${mark}`

/** A chat, as queues and look-ups name it. */
export const telegramChatId = (botId: string, chatKey: string): string => `${botId}-${chatKey}`
