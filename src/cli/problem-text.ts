/** What an expected error says to an operator, in English; undefined for a defect. */
import { Refusal } from '../domain/refusal.ts'
import { messagesFor } from '../messages/index.ts'
import { Unavailable } from '../ports/unavailable.ts'

export function problemText(error: unknown): string | undefined {
  if (error instanceof Refusal) {
    const text = messagesFor('en').problems[error.code]
    return `${text.title} (${error.code})\n${text.detail(error.facts)}`
  }
  return error instanceof Unavailable ? error.message : undefined
}
