/**
 * The cursor of a view's row: its ordering value and its key, so it means the same after a rebuild and on
 * every engine.
 */
export type CursorValue = string | number | null

export const toCursor = (value: CursorValue, key: string): string =>
  Buffer.from(JSON.stringify([value, key])).toString('base64url')

/** @throws TypeError for anything but a cursor that `find` gave. */
export function fromCursor(cursor: string): readonly [CursorValue, string] {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString())
    if (Array.isArray(parsed) && parsed.length === 2 && typeof parsed[1] === 'string') {
      const value: unknown = parsed[0]
      if (value === null || typeof value === 'string' || typeof value === 'number') {
        return [value, parsed[1]]
      }
    }
  } catch {
    // Falls through to the one answer below.
  }
  throw notACursor()
}

export const notACursor = (): TypeError => new TypeError('not a cursor of this view')
