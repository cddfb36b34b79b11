/**
 * Who was refused what, by organization: one document for each item of a batch, which has counted what
 * is the same already. Refusals outside any organization are the platform's alone.
 */
import { denialEvents, type DenialItem } from '../domain/denial/events.ts'
import { projection } from './projection.ts'

export type Denial = Omit<DenialItem, 'ruling'> &
  DenialItem['ruling'] & {
    readonly key: string
    /** The same for all: they have one list for the platform. */
    readonly all: 1
  }

export const denials = projection<Denial, typeof denialEvents>(denialEvents, {
  name: 'denials',
  version: 1,
  indexes: {
    all: { equals: ['all'], orderBy: 'at' },
    allOfPolicy: { equals: ['policyId'], orderBy: 'at' },
    org: { equals: ['orgId'], orderBy: 'at' },
    policy: { equals: ['orgId', 'policyId'], orderBy: 'at' },
    person: { equals: ['orgId', 'userId'], orderBy: 'at' },
    apiKey: { equals: ['orgId', 'keyId'], orderBy: 'at' },
  },
  on: {
    AccessDenied: {
      keys: ({ data, id }) => data.items.map((_item, index) => `${id}|${index}`),
      project(_denial, { data }, key) {
        const item = data.items[Number(key.slice(key.lastIndexOf('|') + 1))]
        if (!item) return undefined
        const { ruling, ...rest } = item
        return { ...rest, ...ruling, key, all: 1 }
      },
    },
  },
})
