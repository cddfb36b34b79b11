/** One thing after another of what a sweep found: one that fails is logged and does not stop the others. */
import type { Deps } from '../commands/deps.ts'

/** Answers how many were taken up: those whose `work` did not answer false. */
export async function takeUp<Item>(
  { logger }: Pick<Deps, 'logger'>,
  sweep: string,
  items: AsyncIterable<Item> | Iterable<Item>,
  signal: AbortSignal,
  work: (item: Item) => Promise<boolean | void>,
): Promise<number> {
  let taken = 0
  for await (const item of items) {
    if (signal.aborted) return taken
    try {
      if ((await work(item)) !== false) taken++
    } catch (error) {
      logger.error({ sweep, item, error }, 'sweep could not finish this')
    }
  }
  return taken
}
