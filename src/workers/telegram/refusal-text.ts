/** A "no" in words: what every door says, and where to look further in the bot. */
import type { Refusal } from '../../domain/refusal.ts'
import { publicFacts } from '../../messages/public-facts.ts'
import type { Turn } from './turn.ts'

export function refusalText(
  { messages, texts, deps }: Pick<Turn, 'messages' | 'texts' | 'deps'>,
  { code, facts }: Pick<Refusal, 'code' | 'facts'>,
): string {
  const { title, detail } = messages.problems[code]
  const said = `${title}. ${detail(publicFacts(facts))}`
  if (code !== 'insufficient_credit') return said
  const hints = deps.settings.telegramBot?.subscribe
    ? [texts.seeBalance, `${texts.menu.subscribe}: /subscribe`]
    : [texts.seeBalance]
  return [said, ...hints].join('\n')
}
