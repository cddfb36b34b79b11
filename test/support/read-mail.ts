/**
 * Reads a mail as mail programs do, by code that shares nothing with what made it: headers unfolded and
 * decoded (RFC 2047), parts of multipart/alternative with their encodings undone.
 */
export interface ReadMail {
  /** By lower-case name, decoded; the last where one comes twice. */
  readonly headers: Readonly<Record<string, string>>
  /** Names of the headers in order, as often as they come. */
  readonly names: readonly string[]
  readonly text: string
  readonly html: string
}

export function readMail(raw: string): ReadMail {
  const { headers, names, body } = split(raw)
  const parts = partsOf(headers['content-type'] ?? '', body)
  const part = (type: string) =>
    parts
      .filter(({ headers: own }) => own['content-type']?.startsWith(type))
      .map((one) => decoded(one.headers['content-transfer-encoding'], one.body))
      .join('')
  return { headers, names, text: part('text/plain'), html: part('text/html') }
}

function split(raw: string) {
  const end = raw.indexOf('\r\n\r\n')
  const unfolded = raw.slice(0, end).replaceAll(/\r\n[ \t]+/g, ' ')
  const fields = unfolded.split('\r\n').map((line) => {
    const colon = line.indexOf(':')
    if (colon < 1) throw new Error(`no header: ${line}`)
    return [line.slice(0, colon).toLowerCase(), words(line.slice(colon + 1).trim())] as const
  })
  return {
    headers: Object.fromEntries(fields) as Record<string, string>,
    names: fields.map(([name]) => name),
    body: raw.slice(end + 4),
  }
}

/** Encoded words; white space between two of them is none. */
const words = (text: string): string =>
  text
    .replaceAll(/(=\?[^?]+\?[BQ]\?[^?]*\?=)\s+(?==\?)/gi, '$1')
    .replaceAll(/=\?utf-8\?([BQ])\?([^?]*)\?=/gi, (_all, kind: string, coded: string) =>
      kind.toUpperCase() === 'B'
        ? Buffer.from(coded, 'base64').toString('utf8')
        : quotedPrintable(coded.replaceAll('_', ' ')),
    )

function quotedPrintable(text: string): string {
  const bytes = text
    .replaceAll(/=\r\n/g, '')
    .replaceAll(/=([0-9A-F]{2})/g, (_all, hex: string) => String.fromCharCode(parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1').toString('utf8')
}

function decoded(encoding: string | undefined, body: string): string {
  if (encoding === 'base64') return Buffer.from(body, 'base64').toString('utf8')
  return encoding === 'quoted-printable' ? quotedPrintable(body) : body
}

function partsOf(type: string, body: string) {
  const boundary = /boundary="?([^";]+)"?/.exec(type)?.[1]
  if (boundary === undefined) return []
  const pieces = `\r\n${body}`.split(`\r\n--${boundary}`)
  if (!pieces.at(-1)?.startsWith('--')) throw new Error('the last boundary is missing')
  return pieces.slice(1, -1).map((piece) => split(piece.slice(2)))
}
