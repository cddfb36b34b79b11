/** `backup`, `keys`, `mail`, `check`: keeping an installation safe and reachable. */
import { z } from 'zod'
import { mailLink } from '../../commands/mail/mail-token.ts'
import { idSchema } from '../../domain/ids.ts'
import { mail } from '../../domain/mail/mail.ts'
import { isErased } from '../../domain/personal.ts'
import { Refusal } from '../../domain/refusal.ts'
import { textsOf } from '../../workers/send-mails.ts'
import { mailsWithLinks } from '../../commands/mail/list-mails.ts'
import { mailStates } from '../../projections/mails.ts'
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

/** As long as a link works, so that none that does is left out. */
const LISTED_MS = 7 * 24 * 60 * 60_000

const mailList = operation({
  name: 'mail.list',
  input: z.strictObject({ state: z.enum(mailStates).optional(), all: z.boolean().default(false) }),
  async run({ deps }, { state, all }, tell) {
    const since = new Date(deps.clock.now().getTime() - LISTED_MS).toISOString()
    for (let after: string | undefined; ;) {
      const page = await mailsWithLinks(deps, {
        limit: 100,
        descending: false,
        ...(state !== undefined && { state }),
        ...(!all && { from: since }),
        ...(after === undefined ? {} : { after }),
      })
      for (const one of page.items)
        tell({
          kind: 'row',
          row: {
            mail_id: one.mailId,
            kind: one.kind,
            state: one.state,
            reason: one.reason ?? null,
            to: one.recipient ?? '(erased)',
            locale: one.locale,
            requested_at: one.requestedAt,
            ended_at: one.endedAt ?? null,
            expires_at: one.expiresAt,
            link: one.link ?? null,
          },
        })
      after = page.next
      if (after === undefined) return
    }
  },
})

const mailShow = operation({
  name: 'mail.show',
  input: z.strictObject({ mailId: idSchema('mail') }),
  async run({ deps }, { mailId }, tell) {
    const { state } = await deps.streams.load(mail, mailId)
    if (!state) throw new Refusal('not_found')
    const { kind, recipient, expiresAt } = state.request
    const works = deps.clock.now().toISOString() < expiresAt
    const { subject, text } = textsOf(deps, state, works ? mailLink(deps, kind, mailId) : undefined)
    const to = isErased(recipient) ? null : recipient
    tell({ kind: 'row', row: { mail_id: mailId, to, state: state.outcome, subject, text } })
  },
})

export const upkeepOperations = [backup, rotateSigning, rotateMaster, mailList, mailShow]
