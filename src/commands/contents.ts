/**
 * Bulky texts: sealed, stored before the event that names them, named by a salted digest. The salt lies
 * with the text, so when the text is gone nobody can check a guess against the digest in the log.
 */
import { createHash, randomBytes } from 'node:crypto'
import type { Deps } from './deps.ts'

/** How an event names a text. */
export interface ContentPart {
  readonly part: string
  readonly ref: string
  /** SHA-256 of salt ‖ text, hex. */
  readonly digest: string
  /** Bytes of text. */
  readonly size: number
}

const SALT_BYTES = 16
const AT_ONCE = 500
type Stores = Pick<Deps, 'contents' | 'sealer'>

/**
 * The key of a text: one per owner (a person, or the organization of an API key) and UTC day, so that a
 * person's texts can be erased without the others'.
 */
const keyOf = (ref: string): string => `content/${ref.slice(0, ref.lastIndexOf('/'))}`

export async function storeContent(
  { contents, sealer }: Stores,
  /** `name`: what it belongs to, so that a sweep can ask whether anything names it. */
  what: { owner: string; day: string; part: string; text: string; name?: string },
): Promise<ContentPart> {
  const random = randomBytes(16).toString('base64url')
  const name = what.name === undefined ? random : `${what.name}.${random}`
  const ref = `${what.owner}/${what.day.slice(0, 10)}/${name}`
  const salted = Buffer.concat([randomBytes(SALT_BYTES), Buffer.from(what.text)])
  await contents.put(ref, await sealer.sealBytes(keyOf(ref), ref, salted))
  return {
    part: what.part,
    ref,
    digest: createHash('sha256').update(salted).digest('hex'),
    size: salted.length - SALT_BYTES,
  }
}

/** The text; undefined where it was deleted or its key destroyed. A changed byte throws. */
export async function readContent(
  { contents, sealer }: Stores,
  part: Pick<ContentPart, 'ref'>,
): Promise<string | undefined> {
  const sealed = await contents.get(part.ref)
  if (!sealed) return undefined
  const salted = await sealer.openBytes(keyOf(part.ref), part.ref, sealed)
  return salted && Buffer.from(salted.subarray(SALT_BYTES)).toString()
}

/** All that is kept below a prefix, page by page. What was read may be deleted before the next. */
export async function* pagesOfContents(
  { contents }: Pick<Deps, 'contents'>,
  prefix: string,
): AsyncIterable<Awaited<ReturnType<Deps['contents']['list']>>> {
  for (let after: string | undefined; ;) {
    const from = after === undefined ? {} : { after }
    const page = await contents.list({ prefix, limit: AT_ONCE, ...from })
    yield page
    after = page.at(-1)?.key
    if (page.length < AT_ONCE || after === undefined) return
  }
}

/**
 * Destroys the keys of an owner's days before `day`, after `after`: what they sealed opens nowhere any more, in
 * no copy of the contents either. Answers the last of them.
 */
export async function destroyDaysBefore(
  { sealer }: Pick<Deps, 'sealer'>,
  { owner, day, after }: { owner: string; day: string; after?: string | undefined },
): Promise<string | undefined> {
  const prefix = keyOf(`${owner}/`)
  let last = after
  for (;;) {
    const from = last === undefined ? {} : { after: last }
    const page = await sealer.keys({ prefix: `${prefix}/`, limit: AT_ONCE, ...from })
    const over = page.filter((key) => key < `${prefix}/${day.slice(0, 10)}`)
    for (const key of over) await sealer.destroy(key)
    last = over.at(-1) ?? last
    if (over.length < AT_ONCE) return last
  }
}
