/** The account as a ledger, and what is held now. For those who see the whole organization's money. */
import { z } from 'zod'
import type { Deps } from '../../commands/deps.ts'
import {
  ledgerKinds,
  type LedgerPlace,
  ledgerPage,
  type LedgerRow,
} from '../../projections/ledger.ts'
import { type OpenHold, openHolds } from '../../projections/open-holds.ts'
import { Problem } from '../errors.ts'
import { decodeCursor, encodeCursor, type ListKey, listPage, pageOf, pageQuery } from '../pages.ts'
import { type AnyRoute, route } from '../route.ts'
import { defined, moneyOf, moneySchema, timeSchema } from '../schemas.ts'
import { readAccess, wholeOrganization } from './reader.ts'

type BillingDeps = Pick<Deps, 'views' | 'sealer'>

const text = z.exactOptional(z.string())
const lineSchema = z
  .strictObject({
    revision: z.int(),
    at: timeSchema,
    kind: z.enum(ledgerKinds),
    amount: moneySchema.meta({ description: 'What the balance moved by.' }),
    held: moneySchema.meta({ description: 'What the held credit moved by.' }),
    balance_after: moneySchema,
    held_after: moneySchema,
    available_after: moneySchema.meta({ description: 'balance − held' }),
    invocation_id: text,
    agent_id: text,
    model: text,
    lot_id: text,
    credit_kind: text,
    expires_at: z.exactOptional(timeSchema),
    source: text,
    reason: text,
    waived: z.exactOptional(moneySchema),
    uncollected: z.exactOptional(moneySchema),
    practice: z.exactOptional(z.literal(true)),
  })
  .meta({ id: 'LedgerLine' })

const holdSchema = z.strictObject({
  invocation_id: z.string(),
  amount: moneySchema,
  placed_at: timeSchema,
  agent: z.strictObject({ id: z.string(), version: z.int() }),
  model: z.string(),
  user_id: text,
  key_id: text,
})

export const billingRoutes = (deps: BillingDeps): AnyRoute[] => [
  route({
    method: 'GET',
    path: '/billing/ledger',
    tag: 'billing',
    summary: 'Everything that happened to the account, newest first',
    access: readAccess('ledger'),
    query: z.strictObject(pageQuery),
    answers: { 200: { description: 'A page of lines.', schema: pageOf(lineSchema) } },
    problems: ['view_behind'],
    reads: true,
    async handler({ query, actor }) {
      const orgId = wholeOrganization(actor)
      const list: ListKey = ['ledger', orgId]
      const cursor = decodeCursor(deps.sealer, list, query.cursor)
      const page = await ledgerPage(deps.views, orgId, {
        limit: query.limit,
        // Signed by us, so it is a place that we have given out.
        ...(cursor === undefined ? {} : { after: JSON.parse(cursor) as LedgerPlace }),
      })
      if (!page) throw new Problem('view_behind')
      return {
        body: {
          items: page.rows.map(showLine),
          next_cursor: page.next
            ? encodeCursor(deps.sealer, list, JSON.stringify(page.next))
            : null,
        },
      }
    },
  }),
  route({
    method: 'GET',
    path: '/billing/holds',
    tag: 'billing',
    summary: 'Credit that running calls hold, newest first',
    access: readAccess('hold', 'list'),
    query: z.strictObject(pageQuery),
    answers: { 200: { description: 'A page of holds.', schema: pageOf(holdSchema) } },
    reads: true,
    async handler({ query, actor }) {
      const orgId = wholeOrganization(actor)
      return {
        body: await listPage(
          deps,
          ['holds', orgId],
          query,
          (page) =>
            deps.views.find(openHolds, {
              index: 'org',
              equals: { orgId },
              descending: true,
              ...page,
            }),
          showHold,
        ),
      }
    },
  }),
]

const showLine = (line: LedgerRow) =>
  defined({
    revision: line.revision,
    at: line.at,
    kind: line.kind,
    amount: moneyOf(line.balanceNanos),
    held: moneyOf(line.heldNanos),
    balance_after: moneyOf(line.balanceAfterNanos),
    held_after: moneyOf(line.heldAfterNanos),
    available_after: moneyOf(BigInt(line.balanceAfterNanos) - BigInt(line.heldAfterNanos)),
    invocation_id: line.invocationId,
    agent_id: line.agentId,
    model: line.model,
    lot_id: line.lotId,
    credit_kind: line.creditKind,
    expires_at: line.expiresAt,
    source: line.source,
    reason: line.reason,
    waived: line.waivedNanos === undefined ? undefined : moneyOf(line.waivedNanos),
    uncollected: line.uncollectedNanos === undefined ? undefined : moneyOf(line.uncollectedNanos),
    practice: line.practice,
  })

const showHold = (hold: OpenHold) =>
  defined({
    invocation_id: hold.invocationId,
    amount: moneyOf(hold.amountNanos),
    placed_at: hold.placedAt,
    agent: { id: hold.agentId, version: hold.agentVersion },
    model: hold.model,
    user_id: hold.userId,
    key_id: hold.keyId,
  })
