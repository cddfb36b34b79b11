// A slug has at most one holder in its scope, and only the holder gives it up.
import { expect, it } from 'vitest'
import { slugClaimEvents } from '../../../src/domain/slug-claim/events.ts'
import { slugClaim, slugClaimId } from '../../../src/domain/slug-claim/slug-claim.ts'
import { idOf, minute } from '../../support/account-commands.ts'
import { given } from '../../support/decider.ts'

const claim = (n: number) =>
  ({
    type: 'ClaimSlug',
    scope: 'platform',
    slug: 'translator',
    holderId: idOf('agent', n),
    at: minute(0),
  }) as const
const release = (n: number) =>
  ({ type: 'ReleaseSlug', holderId: idOf('agent', n), at: minute(1) }) as const

it('goes to the first and back, never to two', () => {
  const taken = given(slugClaim, []).when(claim(1)).events()
  slugClaimEvents.SlugClaimed.schema.parse(taken[0]?.data)
  given(slugClaim, taken).when(claim(1)).thenNothing()
  given(slugClaim, taken).when(claim(2)).thenRefused('slug_taken', { slug: 'translator' })
  given(slugClaim, taken).when(release(2)).thenNothing()
  const free = [...taken, ...given(slugClaim, taken).when(release(1)).events()]
  expect(free).toHaveLength(2)
  const next = [...free, ...given(slugClaim, free).when(claim(2)).events()]
  given(slugClaim, next).when(release(1)).thenNothing()
  given(slugClaim, []).when(release(1)).thenNothing()
})

it('names its stream by scope and slug', () => {
  expect(slugClaimId('platform', 'translator')).toBe('platform.translator')
})
