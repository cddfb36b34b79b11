/**
 * Sends what was asked for: each intent ends once, as sent or as given up. A server that took a mail and
 * whose answer was lost gets it again under the same Message-ID, so a person may find it twice and never
 * misses it. What fails for now is tried again ever later, each mail by itself, until its end.
 */
import type { Deps } from '../commands/deps.ts'
import { endMail } from '../commands/mail/end-mail.ts'
import { mailLink } from '../commands/mail/mail-token.ts'
import type { Id } from '../domain/ids.ts'
import { type Mail, mail } from '../domain/mail/mail.ts'
import { isErased } from '../domain/personal.ts'
import { mailTexts, type MailTexts } from '../messages/mails/index.ts'
import type { StoredEvent } from '../ports/event-store.ts'
import { MailRejected } from '../ports/mailer.ts'
import { Unavailable } from '../ports/unavailable.ts'
import { listMails, type MailEntry } from '../projections/mails.ts'
import type { NewJob, Sweep, Worker } from './worker.ts'

const NAME = 'send-mails'
const AT_ONCE = 4
const PAGE = 500
const HOUR_MS = 60 * 60_000
/**
 * Ages at which a mail is tried after its first time; then every hour. Longer apart than a try lasts, so
 * that no two are under way.
 */
const TRIES_MS = [45_000, 90_000, ...[3, 6, 12, 24, 48].map((minutes) => minutes * 60_000)]
/** Two rounds of the sweep: what is due later has time. */
const PLAN_AHEAD_MS = 60_000
/** At a stop a mail that is under way has so long; afterwards it may arrive twice. */
const STOP_WITHIN_MS = 2_000

interface MailJob {
  readonly mailId: Id<'mail'>
}

/** The try after one at this age: how manieth, and at which age. */
export function nextTry(ageMs: number): { readonly n: number; readonly atMs: number } {
  const index = TRIES_MS.findIndex((at) => at > ageMs)
  if (index >= 0) return { n: index + 1, atMs: TRIES_MS[index] ?? HOUR_MS }
  const hours = Math.floor(ageMs / HOUR_MS) + 1
  return { n: TRIES_MS.length + hours, atMs: hours * HOUR_MS }
}

const jobOf = (mailId: string, n = 0, delayMs = 0): NewJob => ({
  id: `${mailId}/${n}`,
  payload: { mailId },
  delayMs,
})

export const sendMails = (deps: Deps): Worker => ({
  name: NAME,
  concurrency: AT_ONCE,
  on: { MailRequested: ({ data }: StoredEvent) => jobOf(String(data['mailId'])) },
  handle: ({ mailId }: MailJob, signal) => sendMail(deps, mailId, signal),
})

export async function sendMail(deps: Deps, mailId: Id<'mail'>, signal: AbortSignal): Promise<void> {
  const { state } = await deps.streams.load(mail, mailId)
  if (state?.outcome !== 'open') return
  const { recipient, at, expiresAt } = state.request
  const now = deps.clock.now().getTime()
  if (now >= Date.parse(expiresAt)) return endMail(deps, mailId, 'expired')
  if (isErased(recipient)) return endMail(deps, mailId, 'erased')
  const link = mailLink(deps, state.request.kind, mailId)
  const texts = textsOf(deps, state, link)
  try {
    await deps.mailer.send({ id: mailId, to: recipient, at, link, ...texts }, lingering(signal))
  } catch (error) {
    if (error instanceof MailRejected) {
      deps.logger.warn({ mailId, reason: error.message }, 'a mail was refused for good')
      return endMail(deps, mailId, 'rejected')
    }
    // A stop gives the job to another process, or to the next start.
    if (!(error instanceof Unavailable) || signal.aborted) throw error
    const last = Date.parse(at) + nextTry(now - Date.parse(at)).atMs >= Date.parse(expiresAt)
    deps.logger.warn({ mailId, last, error }, 'a mail could not be sent now')
    if (last) await endMail(deps, mailId, 'unreachable')
    return
  }
  await endMail(deps, mailId, 'sent')
}

/** What a mail says. Its link leads to where the person can do something about it. */
export function textsOf(deps: Pick<Deps, 'settings'>, { request }: Mail, link?: string): MailTexts {
  const { kind, locale, facts, at, expiresAt } = request
  return mailTexts(kind, locale, {
    ...(isErased(facts) ? {} : facts),
    link: link ?? deps.settings.dashboardUrl,
    until: expiresAt,
    at,
  })
}

/** Aborts a moment after `signal` does. */
function lingering(signal: AbortSignal): AbortSignal {
  const later = new AbortController()
  const abort = () => setTimeout(() => later.abort(), STOP_WITHIN_MS).unref()
  if (signal.aborted) abort()
  else signal.addEventListener('abort', abort, { once: true })
  return later.signal
}

/**
 * Plans the next try of what waits. What this process sees for the first time is tried at once: nobody
 * knows when it was last.
 */
export function sendMailsSweep(deps: Deps): Sweep {
  let seen: ReadonlySet<string> = new Set()
  return {
    name: NAME,
    async run(signal) {
      const waiting = new Set<string>()
      const now = deps.clock.now().getTime()
      let found = 0
      for (let after: string | undefined; !signal.aborted;) {
        const page = await listMails(deps.views, {
          state: 'waiting',
          limit: PAGE,
          ...(after !== undefined && { after }),
        })
        const due = page.items.flatMap((entry) => {
          waiting.add(entry.mailId)
          return plan(entry, now, seen.has(entry.mailId)) ?? []
        })
        if (due.length > 0) await deps.jobs.add(NAME, due)
        found += page.items.filter(({ mailId }) => !seen.has(mailId)).length
        after = page.next
        if (after === undefined) break
      }
      seen = waiting
      return found
    },
  }
}

function plan(entry: MailEntry, now: number, seen: boolean): NewJob | undefined {
  const { mailId, requestedAt, expiresAt } = entry
  if (!seen || now >= Date.parse(expiresAt)) return jobOf(mailId)
  const age = now - Date.parse(requestedAt)
  const { n, atMs } = nextTry(age)
  const delayMs = Math.max(atMs - age, 0)
  return delayMs > PLAN_AHEAD_MS ? undefined : jobOf(mailId, n, delayMs)
}
