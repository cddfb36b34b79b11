/** `backup`, `keys`, `mail list`, `check`: keeping an installation safe and reachable. */
import { z } from 'zod'
import { mailLink } from '../../commands/mail/mail-token.ts'
import { isErased } from '../../domain/personal.ts'
import { listOpenMails } from '../../projections/open-mails.ts'
import { operation } from '../operation.ts'

const backup = operation({
  name: 'backup',
  /** An absolute path: the server may stand elsewhere than who asks. */
  input: z.strictObject({ directory: z.string().startsWith('/') }),
  async run(app, { directory }, tell) {
    const report = await app.backup(directory, (file, done, total) =>
      tell({ kind: 'progress', label: `copying the ${file}`, done, total }),
    )
    tell({ kind: 'row', row: { directory, ...report } })
  },
})

const rotateSigning = operation({
  name: 'keys.rotate-signing',
  input: z.strictObject({}),
  async run({ deps }, _input, tell) {
    tell({ kind: 'row', row: { key_id: await deps.tokens.rotate() } })
  },
})

const mailList = operation({
  name: 'mail.list',
  input: z.strictObject({}),
  async run({ deps }, _input, tell) {
    for (let after: string | undefined; ;) {
      const page = await listOpenMails(deps.views, {
        limit: 100,
        ...(after === undefined ? {} : { after }),
      })
      for (const mail of page.items) {
        const recipient = await deps.sealer.open(mail.recipient)
        tell({
          kind: 'row',
          row: {
            mail_id: mail.mailId,
            kind: mail.kind,
            to: isErased(recipient) ? '(erased)' : recipient,
            locale: mail.locale,
            requested_at: mail.requestedAt,
            expires_at: mail.expiresAt,
            link: mailLink(deps, mail.kind, mail.mailId) ?? null,
          },
        })
      }
      after = page.next
      if (after === undefined) return
    }
  },
})

export const upkeepOperations = [backup, rotateSigning, mailList]
