/**
 * Who an end user's digest stands for, in the words of the organization that sent it, sealed: usage is
 * grouped by the digest, and only the organization gets the text back.
 */
import { invocationEvents } from '../domain/invocation/events.ts'
import type { Sealed } from '../domain/personal.ts'
import { projection } from './projection.ts'
import type { Views } from './views.ts'

export interface EndUser {
  readonly orgId: string
  readonly endUser: string
  readonly text: Sealed
}

const keyOf = (orgId: string, endUser: string): string => `${orgId}|${endUser}`

export const endUsers = projection<EndUser, typeof invocationEvents>(invocationEvents, {
  name: 'end-users',
  version: 1,
  indexes: {},
  on: {
    InvocationAccepted: {
      keys: ({ data }) =>
        data.endUser !== undefined && data.endUserText !== undefined
          ? keyOf(data.orgId, data.endUser)
          : undefined,
      project: (view, { data: { orgId, endUser, endUserText } }) =>
        view ??
        (endUser !== undefined && endUserText !== undefined
          ? { orgId, endUser, text: endUserText }
          : undefined),
    },
  },
})

/** Sealed texts by digest, of those that are known. */
export async function endUserTexts(
  views: Views,
  orgId: string,
  digests: readonly string[],
): Promise<Map<string, Sealed>> {
  const found = await views.getMany(
    endUsers,
    digests.map((digest) => keyOf(orgId, digest)),
  )
  return new Map([...found.values()].map(({ endUser, text }) => [endUser, text]))
}
