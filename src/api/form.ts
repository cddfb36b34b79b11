/**
 * The body of a form as a page sends it: names and texts, each name once. What the fields may be is the
 * route's schema; anything that is no such body is refused whole.
 */
import { Problem } from './errors.ts'
import { checkText } from './json.ts'

const refused = (message: string) => new Problem('malformed_body', {}, [{ path: 'body', message }])

/** @throws Problem malformed_body */
export function parseForm(bytes: Buffer): Record<string, string> {
  let text: string
  try {
    // Bytes that are no text would be replaced below, and a password would silently be another.
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    decodeURIComponent(text.replaceAll('+', '%20'))
  } catch {
    throw refused('is not UTF-8')
  }
  const fields = new Map<string, string>()
  for (const [name, value] of new URLSearchParams(text)) {
    checkText(name, 'body')
    checkText(value, `body.${name.slice(0, 64)}`)
    if (fields.has(name)) throw refused('names a field twice')
    fields.set(name, value)
  }
  return Object.fromEntries(fields)
}
