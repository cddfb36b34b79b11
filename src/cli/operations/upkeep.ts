/** `backup`, `keys`, `mail list`, `check`: keeping an installation safe and reachable. */
import { z } from 'zod'
import { waitingMails } from '../../commands/mail/list-open-mails.ts'
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

const rotateMaster = operation({
  name: 'keys.rotate',
  input: z.strictObject({}),
  async run(app, _input, tell) {
    // Again until there is none: beside this, processes that start late still make keys of the other one.
    let wrapped = 0
    for (let more = -1; more !== 0; wrapped += more) more = await app.rewrapKeys()
    tell({ kind: 'row', row: { wrapped } })
  },
})

const mailList = operation({
  name: 'mail.list',
  input: z.strictObject({}),
  async run({ deps }, _input, tell) {
    for (let after: string | undefined; ;) {
      const page = await waitingMails(deps, {
        limit: 100,
        descending: false,
        ...(after === undefined ? {} : { after }),
      })
      for (const mail of page.items)
        tell({
          kind: 'row',
          row: {
            mail_id: mail.mailId,
            kind: mail.kind,
            to: mail.recipient ?? '(erased)',
            locale: mail.locale,
            requested_at: mail.requestedAt,
            expires_at: mail.expiresAt,
            link: mail.link ?? null,
          },
        })
      after = page.next
      if (after === undefined) return
    }
  },
})

export const upkeepOperations = [backup, rotateSigning, rotateMaster, mailList]
