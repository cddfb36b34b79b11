/** Who has a readable name within its scope: the stored contract. */
import { z } from 'zod'
import { event, type EventsOf } from '../event.ts'
import { instant } from '../ids.ts'
import { clear } from '../personal.ts'

/** Where a slug is unique: `platform` or an organization's id. */
export const slugScope = z.string().regex(/^[a-z][a-z0-9_]{0,63}$/)
export const slugText = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, 'lower-case letters, digits and dashes')

const holderId = clear(z.string().regex(/^[a-z]{3}_[0-9a-z]{26}$/, 'an id'))
const scope = clear(slugScope)
const slug = clear(slugText)

export const slugClaimEvents = {
  SlugClaimed: event('The slug belongs to this holder. The holder’s own first event follows.', {
    scope,
    slug,
    holderId,
    /** What finishing the second step needs, where that is more than the id. */
    holderName: clear(z.exactOptional(z.string().min(1).max(120))),
    at: instant,
  }),
  SlugReleased: event('The slug is free again.', { scope, slug, holderId, at: instant }),
}
export type SlugClaimEvent = EventsOf<typeof slugClaimEvents>
