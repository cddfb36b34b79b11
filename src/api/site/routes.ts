/**
 * Small pages that finish what links begin, for installations without a dashboard. They work without
 * scripts, change nothing when they are opened, and give the same commands as the JSON routes.
 */
import type { Deps } from '../../commands/deps.ts'
import type { AnyRoute } from '../route.ts'
import { pages } from './door.ts'
import { invitationPages } from './invitation.ts'
import { resetPasswordPages } from './reset-password.ts'
import { telegramPages } from './telegram.ts'
import { verifyEmailPages } from './verify-email.ts'

export const siteRoutes = (deps: Deps): AnyRoute[] =>
  pages(deps, [
    ...verifyEmailPages(deps),
    ...resetPasswordPages(deps),
    ...invitationPages(deps),
    ...telegramPages(deps),
  ])
