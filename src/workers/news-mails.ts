/** Tells owners and admins by mail what concerns their organization's money (projections/untold-news.ts). */
import type { Deps } from '../commands/deps.ts'
import { requestNewsMails } from '../commands/mail/request-news-mails.ts'
import type { StoredEvent } from '../ports/event-store.ts'
import { eventsWithNews, newsOf, newsToTell, untold } from '../projections/untold-news.ts'
import { takeUp } from './take-up.ts'
import type { NewJob, Sweep, Worker } from './worker.ts'

const NAME = 'news-mails'

function jobOf(event: StoredEvent): NewJob | undefined {
  const key = newsOf(event)?.key
  return key === undefined ? undefined : { id: event.id, payload: { key } }
}

export const newsMails = (deps: Deps): Worker => ({
  name: NAME,
  concurrency: 1,
  on: Object.fromEntries(eventsWithNews.map((type) => [type, jobOf])),
  async handle({ key }: { key: string }) {
    const news = await untold(deps.views, key)
    if (news) await requestNewsMails(deps, news)
  },
})

export const newsMailsSweep = (deps: Deps): Sweep => ({
  name: NAME,
  run: (signal) =>
    takeUp(deps, NAME, newsToTell(deps.views), signal, (news) => requestNewsMails(deps, news)),
})
