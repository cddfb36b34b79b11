/** Everything that works on its own: reactions to events, and the sweeps that find what was left. */
import type { Deps } from '../commands/deps.ts'
import { applyPaddleEvents, applyPaddleEventsSweep } from './apply-paddle-events.ts'
import { finishAgents } from './finish-agents.ts'
import { expireContent } from './expire-content.ts'
import { expireMails } from './expire-mails.ts'
import { resumeCalls } from './resume-calls.ts'
import { runInvocations } from './run-invocations.ts'
import { settleInvocations } from './settle-invocations.ts'
import { sweepInvocations } from './sweep-invocations.ts'
import { endSessions, endSessionsSweep } from './end-sessions.ts'
import { finishRegistrations, finishRegistrationsSweep } from './finish-registrations.ts'
import { finishTelegramClaims, finishTelegramClaimsSweep } from './finish-telegram-claims.ts'
import { reconcilePaddle, reconcilePaddleSweep } from './reconcile-paddle.ts'
import {
  requestMails,
  requestMailsSweep,
  requestPasswordResets,
  requestVerifications,
} from './request-mails.ts'
import { invitationMailsSweep } from './invitation-mails.ts'
import { newsMails, newsMailsSweep } from './news-mails.ts'
import { sendMails, sendMailsSweep } from './send-mails.ts'
import {
  expireCreditSweep,
  grantTrials,
  grantTrialsSweep,
  startPeriods,
  startPeriodsSweep,
} from './start-periods.ts'
import type { Sweep, Worker } from './worker.ts'

export function workers(deps: Deps): Worker[] {
  return [
    finishRegistrations(deps),
    finishTelegramClaims(deps),
    requestMails(deps),
    requestPasswordResets(deps),
    requestVerifications(deps),
    endSessions(deps),
    runInvocations(deps),
    resumeCalls(deps),
    startPeriods(deps),
    grantTrials(deps),
    newsMails(deps),
    applyPaddleEvents(deps),
    reconcilePaddle(deps),
    sendMails(deps),
  ]
}

export function sweeps(deps: Deps): Sweep[] {
  return [
    // First: what it writes is what others look for.
    applyPaddleEventsSweep(deps),
    finishTelegramClaimsSweep(deps),
    finishRegistrationsSweep(deps),
    requestMailsSweep(deps),
    endSessionsSweep(deps),
    finishAgents(deps),
    settleInvocations(deps),
    sweepInvocations(deps),
    expireContent(deps),
    expireMails(deps),
    startPeriodsSweep(deps),
    grantTrialsSweep(deps),
    expireCreditSweep(deps),
    invitationMailsSweep(deps),
    newsMailsSweep(deps),
    reconcilePaddleSweep(deps),
    // Last: it sends what the others have asked for.
    sendMailsSweep(deps),
  ]
}
