// A run says once in the log that it serves.
import { test } from 'vitest'
import { service } from '../../../src/domain/service/service.ts'
import { given } from '../../support/decider.ts'

const started = {
  runId: '7d2f1c9a-1b6d-4c8e-8f1f-3a2e7d4b8f15',
  version: '0.1.0',
  role: 'all',
  settingsDigest: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  at: '2026-01-31T12:00:00.000Z',
}

test('a service starts', () => {
  given(service, [])
    .when({ type: 'StartService', ...started })
    .then([{ type: 'ServiceStarted', data: started }])
})
test('a run starts once', () => {
  given(service, [{ type: 'ServiceStarted', data: started }] as const)
    .when({ type: 'StartService', ...started, at: '2026-02-01T12:00:00.000Z' })
    .thenNothing()
})
