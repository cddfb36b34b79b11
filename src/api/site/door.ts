/**
 * What stands before every built-in page: whether there are built-in pages at all, whether a form was
 * sent by one of them, and how a refusal of a command is shown.
 */
import type { FastifyRequest } from 'fastify'
import type { Deps, Settings } from '../../commands/deps.ts'
import type { LimitedAction } from '../../domain/policy/events.ts'
import { Refusal } from '../../domain/refusal.ts'
import { Problem, statusOf } from '../errors.ts'
import type { AnyRoute, Answer, Call } from '../route.ts'
import { type Html, markup } from './html.ts'
import { refusalPage, refused, type Setting } from './page.ts'

/** A form holds a token, an address and two passwords. */
export const FORM_BYTES = 8 * 1024

/** Declared like the JSON route that does the same. */
export const anyone = (action: string, limit: LimitedAction) =>
  ({ actor: 'anyone', resource: 'session', action, limits: [limit] }) as const

/** Adds to each what all pages have in common. */
export function pages(
  { settings }: Pick<Deps, 'settings'>,
  declared: readonly AnyRoute[],
): AnyRoute[] {
  return declared.map((one) => ({
    ...one,
    refusalPage: refusalPage(settings.publicUrl),
    ...(one.method === 'GET'
      ? {
          answers: {
            ...one.answers,
            302: { description: 'With a `DASHBOARD_URL`: to the same path there' },
          },
        }
      : { takes: 'form' as const, bodyLimit: FORM_BYTES }),
    problems: [
      ...(one.problems ?? []),
      ...(one.method === 'GET' ? [] : (['forbidden', 'route_not_found'] as const)),
    ],
    handler: (call: Call<never, never, never>) =>
      elsewhere(settings, call.request) ?? one.handler(call),
  }))
}

/**
 * With a dashboard a page leads to the same path there, so that links of mails which are under way go on
 * working; a form is not taken.
 */
function elsewhere(
  { dashboardUrl, publicUrl }: Settings,
  request: FastifyRequest,
): Answer | undefined {
  if (request.method === 'GET') {
    if (dashboardUrl === undefined) return undefined
    const location = `${dashboardUrl}${request.url}`
    return { status: 302, body: '', headers: { location, 'referrer-policy': 'no-referrer' } }
  }
  if (dashboardUrl !== undefined) throw new Problem('route_not_found')
  if (!isOwnPage(request, publicUrl)) throw new Problem('forbidden')
  return undefined
}

/**
 * Whether one of our pages sent it. Browsers say where a request comes from, but to plain http (other
 * than this machine) only by Origin, which the pages' no-referrer makes `null`. What keeps others out
 * is then the token in the form; programs send neither header.
 */
function isOwnPage({ headers }: FastifyRequest, publicUrl: string): boolean {
  const site = headers['sec-fetch-site']
  if (site !== undefined) return site === 'same-origin' || site === 'none'
  const { origin } = headers
  return origin === undefined || origin === 'null' || origin === new URL(publicUrl).origin
}

/** A command's refusal in the words of the page; what waiting may help with goes the common way. */
export async function orRefused(
  setting: Setting,
  work: () => Promise<Answer>,
  show: (refusal: Refusal) => Answer = (refusal) => refused(setting, refusal),
): Promise<Answer> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof Refusal) || statusOf[error.code] >= 500) throw error
    return show(error)
  }
}

/** A form of this page. The address it goes to is relative, so that a proxy may serve us under a path. */
export const form = (action: string, hidden: Readonly<Record<string, string>>, rest: Html): Html =>
  markup`<form method="post" action="${action}">
    ${Object.entries(hidden).map(
      ([name, value]) => markup`<input type="hidden" name="${name}" value="${value}">`,
    )}${rest}
  </form>`
