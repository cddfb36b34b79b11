/**
 * Who reads the history, and how much of it: in an organization, that organization's; for the platform,
 * everything. Whose events are shown never comes from anything but this.
 */
import type { HistoryReader } from '../../domain/personal.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { Actor } from '../access.ts'

export interface AuditReader {
  readonly as: HistoryReader
  /** undefined: every organization's, and what is nobody's. */
  readonly orgId: string | undefined
}

/** The person at the command line of the machine. */
export const operatorReader = (orgId?: string): AuditReader => ({ as: 'administrator', orgId })

/**
 * Whoever named or chose an organization reads in it, by their role there. An administrator who did not
 * reads for the platform, and alone may narrow that to an organization.
 * @throws Refusal unauthenticated, forbidden
 */
export function auditReader(actor: Actor, organization?: string): AuditReader {
  if (actor.kind === 'anonymous') throw new Refusal('unauthenticated')
  if (actor.orgId === undefined) {
    if (actor.kind !== 'user' || !actor.administrator)
      throw new Refusal('forbidden', { needed: 'administrator' })
    return { as: 'administrator', orgId: organization }
  }
  if (organization !== undefined && organization !== actor.orgId)
    throw new Refusal('forbidden', { needed: 'administrator' })
  if (actor.kind === 'key') return { as: 'key', orgId: actor.orgId }
  if (actor.role === undefined || actor.role === 'member')
    throw new Refusal('forbidden', { needed: 'auditor' })
  return { as: actor.role, orgId: actor.orgId }
}
