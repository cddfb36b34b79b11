/** Every route of the front door. */
import type { Deps } from '../commands/deps.ts'
import { adminRoutes } from './admin.ts'
import { agentRoutes } from './agents.ts'
import { apiKeyRoutes } from './api-keys.ts'
import { auditRoutes } from './audit/routes.ts'
import { authRoutes } from './auth.ts'
import { telegramAuthRoutes } from './auth-telegram.ts'
import { billingRoutes } from './billing.ts'
import { documentRoutes } from './documents.ts'
import { type HealthSources, healthRoutes } from './health.ts'
import { invocationRoutes } from './invocations/routes.ts'
import { meRoutes } from './me.ts'
import { myTelegramRoutes } from './me-telegram.ts'
import { organizationRoutes } from './organizations.ts'
import { paddleAdminRoutes } from './paddle/admin.ts'
import { reconcileRoute } from './paddle/reconcile.ts'
import { paddleWebhookRoute } from './paddle/webhook.ts'
import { adminPolicyRoutes, policyRoutes } from './policies.ts'
import { adminPolicyDecisionRoutes, policyDecisionRoutes } from './policy-decisions.ts'
import type { AnyRoute } from './route.ts'
import { siteRoutes } from './site/routes.ts'
import { telegramWebhookRoute } from './telegram-webhook.ts'
import { openAiRoutes } from './v1/routes.ts'
import { usageRoutes } from './usage/routes.ts'

export function routes(deps: Deps, sources: HealthSources): readonly AnyRoute[] {
  // In the order in which a stranger reads about them.
  const all: readonly AnyRoute[] = [
    ...authRoutes(deps),
    ...telegramAuthRoutes(deps),
    ...meRoutes(deps),
    ...myTelegramRoutes(deps),
    ...organizationRoutes(deps),
    ...agentRoutes(deps),
    ...invocationRoutes(deps),
    ...openAiRoutes(deps),
    ...billingRoutes(deps),
    ...usageRoutes(deps),
    ...policyRoutes(deps, () => all),
    ...policyDecisionRoutes(deps, () => all),
    ...apiKeyRoutes(deps),
    ...auditRoutes(deps),
    ...adminRoutes(deps),
    ...adminPolicyRoutes(deps, () => all),
    ...adminPolicyDecisionRoutes(deps, () => all),
    ...paddleAdminRoutes(deps),
    reconcileRoute(deps),
    paddleWebhookRoute(deps),
    telegramWebhookRoute(deps),
    ...healthRoutes(deps, sources),
    ...documentRoutes(),
    ...siteRoutes(deps),
  ]
  return all
}
