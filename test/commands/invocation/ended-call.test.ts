// A caller learns why there is no answer, and nothing of how the seller stands with a provider.
import { describe, expect, test } from 'vitest'
import { problemOf, publicReason } from '../../../src/commands/invocation/ended-call.ts'
import { failureReason, type FailureReason } from '../../../src/domain/invocation/events.ts'

const codes: Readonly<Record<FailureReason, string>> = {
  unreachable: 'provider_unavailable',
  rate_limited: 'provider_unavailable',
  quota_exhausted: 'provider_unavailable',
  refused_key: 'provider_unavailable',
  unknown_model: 'provider_unavailable',
  provider_error: 'provider_unavailable',
  timeout: 'provider_timeout',
  refused_request: 'provider_refused',
  content_filtered: 'provider_refused',
  context_exceeded: 'context_exceeded',
  cut_off: 'invocation_failed',
  nonsense: 'invocation_failed',
  aborted: 'invocation_failed',
  expired: 'invocation_failed',
  interrupted: 'invocation_failed',
  content_erased: 'content_erased',
  calls_stopped: 'calls_stopped',
}
const reasons = failureReason.options.flatMap((part) => part.options)

describe('a failure', () => {
  test.each(reasons)('%s has its public problem', (reason) => {
    const end = {
      type: 'InvocationFailed',
      data: {
        invocationId: 'inv_00000000000000000000000001',
        orgId: 'org_00000000000000000000000001',
        endedAt: '2026-11-01T12:00:00.000Z',
        settlement: { kind: 'release', reason: 'failed' },
        reason,
      },
    } as const
    const problem = problemOf(end)
    expect(problem?.code).toBe(codes[reason])
    expect(problem?.facts).toEqual({
      invocationId: 'inv_00000000000000000000000001',
      reason: publicReason(reason),
    })
    expect(publicReason(reason)).not.toMatch(/key|quota|rate|model/)
  })
})
