/**
 * Mails as files (`.eml`, which every mail program opens), for an installation without a mail server. A
 * file is there whole or not at all, and a mail that is handed over again is the same file. The files hold
 * addresses and links in clear: only the owner of the process may read them.
 */
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { prefixes } from '../../domain/ids.ts'
import type { Logger } from '../../ports/logger.ts'
import type { KeptMails, Mailer } from '../../ports/mailer.ts'
import { Unavailable } from '../../ports/unavailable.ts'
import { messageOf, senderOf } from './message.ts'

export interface MailFolder {
  readonly directory: string
  readonly from: string
  readonly logger: Logger
  /** Prints the links, which open accounts: for development. */
  readonly linksInLog: boolean
}

export function createMailFolder({ directory, from, logger, linksInLog }: MailFolder): Mailer {
  const sender = senderOf(from)
  return {
    async send(mail) {
      const { bytes } = await messageOf(mail, sender)
      const file = join(directory, `${mail.id}.eml`)
      try {
        await mkdir(directory, { recursive: true, mode: 0o700 })
        await writeWhole(directory, file, bytes)
      } catch (error) {
        // The text of such an error names nothing but the path.
        throw new Unavailable('mail folder', error)
      }
      if (linksInLog && mail.link !== undefined)
        logger.info({ mailId: mail.id, file, link: mail.link }, 'a mail with a link was written')
    },
    kept: keptMails(directory),
    close: async () => undefined,
  }
}

/** Files of ours alone, whole or begun: whatever else somebody has put there is theirs. */
const OURS = new RegExp(`^(${prefixes.mail}_[0-9a-z]{26})\\.eml(\\.\\d+\\.part)?$`)

/** Of a folder that need not be there. */
export function keptMails(directory: string): KeptMails {
  const files = async () => {
    const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return []
      throw new Unavailable('mail folder', error)
    })
    return names.flatMap((name) => {
      const id = OURS.exec(name)?.[1]
      return id === undefined ? [] : [{ id, file: join(directory, name) }]
    })
  }
  return {
    async list() {
      const found = (await files()).map(async ({ id, file }) => {
        const at = await stat(file).then(
          ({ mtime }) => mtime,
          () => undefined,
        )
        return at && { id, at }
      })
      return (await Promise.all(found)).filter((one) => one !== undefined)
    },
    async remove(ids) {
      const gone = new Set(ids)
      for (const { id, file } of await files()) if (gone.has(id)) await rm(file, { force: true })
    },
  }
}

/** Two processes that write the same mail write the same bytes, each by a name of its own. */
async function writeWhole(directory: string, file: string, bytes: Uint8Array): Promise<void> {
  const begun = `${file}.${process.pid}.part`
  const written = await open(begun, 'w', 0o600)
  try {
    await written.writeFile(bytes)
    await written.sync()
  } finally {
    await written.close()
  }
  await rename(begun, file)
  const folder = await open(directory, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
