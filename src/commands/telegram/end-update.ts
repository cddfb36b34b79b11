/** An update has had its effect and its reply: that is written down last, and its words go. */
import { telegramUpdate } from '../../domain/telegram-update/telegram-update.ts'
import type { HandledAs, UpdateOutcome } from '../../domain/telegram-update/events.ts'
import { step } from '../context.ts'
import type { Deps } from '../deps.ts'
import { updateRoot } from './receive-update.ts'

export interface UpdateEnd {
  readonly handledAs: HandledAs
  readonly outcome: UpdateOutcome
  readonly userId?: string | undefined
}

export async function endTelegramUpdate(
  deps: Pick<Deps, 'streams' | 'ids' | 'clock' | 'contents' | 'logger'>,
  id: string,
  { handledAs, outcome, userId }: UpdateEnd,
): Promise<void> {
  const root = updateRoot(deps, id)
  const { state } = await deps.streams.transact(
    telegramUpdate,
    id,
    { type: 'EndUpdate', handledAs, outcome, at: root.at, ...(userId && { userId }) },
    step(deps.ids, root, 'end'),
  )
  const ref = state?.received.content.ref
  // What stays after a crash here goes with everything that is two days old.
  if (ref !== undefined)
    await deps.contents
      .delete([ref])
      .catch((error: unknown) => deps.logger.warn({ error }, 'words of an update not deleted'))
}
