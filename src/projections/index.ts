/**
 * Every read model that is filled from the log. Each batch goes through them in this order: the ledger
 * has an event before the balance that its lines are counted from.
 */
import { auditEvents } from './audit-events.ts'
import { accountBalance } from './account-balance.ts'
import { denials } from './denials.ts'
import { apiKeys } from './api-keys.ts'
import { endUsers } from './end-users.ts'
import { invocationHistory } from './invocation-history.ts'
import { ledger } from './ledger.ts'
import { memberships } from './memberships.ts'
import { openHolds } from './open-holds.ts'
import { platformSummary } from './platform-summary.ts'
import { providerCost } from './provider-cost.ts'
import type { AnyProjection } from './projection.ts'
import { usageRecords } from './usage-records.ts'
import { usageSummary } from './usage-summary.ts'
import { agents, agentVersions } from './agents.ts'
import { unfinishedAgents } from './unfinished-agents.ts'
import { dueMails } from './due-mails.ts'
import { mails } from './mails.ts'
import { sessionsByUser } from './sessions-by-user.ts'
import { unfinishedClaims } from './unfinished-claims.ts'
import { unfinishedRegistrations } from './unfinished-registrations.ts'
import { unfinishedTelegramClaims } from './unfinished-telegram-claims.ts'
import { users } from './users.ts'
import { catalogueEntries } from './catalogue.ts'
import { expiringCredit } from './expiring-credit.ts'
import { organizations } from './organizations.ts'
import { subscriptions } from './subscriptions.ts'
import { unhandledUpdates } from './unhandled-updates.ts'
import { unmailedInvitations } from './unmailed-invitations.ts'
import { untoldNews } from './untold-news.ts'
import { untriedPeople } from './untried-people.ts'
import { paddleEvents } from './paddle-events.ts'
import { paymentLinks } from './payment-links.ts'

export const projections: readonly AnyProjection[] = [
  users,
  unfinishedRegistrations,
  unfinishedClaims,
  unfinishedTelegramClaims,
  sessionsByUser,
  mails,
  dueMails,
  memberships,
  ledger,
  accountBalance,
  openHolds,
  invocationHistory,
  usageRecords,
  usageSummary,
  denials,
  endUsers,
  platformSummary,
  providerCost,
  agents,
  agentVersions,
  unfinishedAgents,
  catalogueEntries,
  subscriptions,
  expiringCredit,
  organizations,
  unhandledUpdates,
  unmailedInvitations,
  untriedPeople,
  untoldNews,
  apiKeys,
  paymentLinks,
  paddleEvents,
  auditEvents,
]
