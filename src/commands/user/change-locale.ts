/** The person is spoken to in another language. */
import { user } from '../../domain/user/user.ts'
import { type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'

export async function changeLocale(
  deps: Pick<Deps, 'streams' | 'ids'>,
  root: Root,
  { userId, locale }: { userId: string; locale: string },
): Promise<{ position: bigint | undefined }> {
  const context = step(deps.ids, root, 'locale')
  const command = { type: 'ChangeLocale', locale, at: root.at } as const
  const { position } = await deps.streams.transact(user, userId, command, context)
  return { position }
}
