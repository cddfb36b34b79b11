/**
 * Long texts as messages of at most 4096 UTF-16 units. Where a text is cut depends only on what stands
 * before the cut, so the messages that are full stay as they are while the text grows.
 */

export const MAX_MESSAGE = 4_096

export function splitText(text: string, limit = MAX_MESSAGE): readonly string[] {
  const parts: string[] = []
  let rest = text
  while (rest.length > limit) {
    const cut = cutOf(rest, limit)
    parts.push(rest.slice(0, cut))
    rest = rest.slice(cut)
  }
  parts.push(rest)
  // Telegram takes no empty message, and drops the space around a text itself.
  return parts.map((part) => part.trim()).filter((part) => part !== '')
}

/** After the last line that fits, else the last word, else anywhere but within a character. */
function cutOf(text: string, limit: number): number {
  const window = text.slice(0, limit)
  const least = limit / 2
  for (const border of ['\n', ' ']) {
    const at = window.lastIndexOf(border)
    if (at >= least) return at + 1
  }
  const last = text.charCodeAt(limit - 1)
  const isFirstHalf = last >= 0xd8_00 && last <= 0xdb_ff
  return isFirstHalf ? limit - 1 : limit
}

/** Nothing that Telegram cannot take: no half characters, no NUL. */
export const plainText = (text: string): string => text.toWellFormed().replaceAll('\0', '')
