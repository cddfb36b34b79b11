// What the log has acknowledged survives SIGKILL at any moment of a group commit, whole and in order.
import { expect, test } from 'vitest'
import { temporaryDirectory } from '../../support/embedded-engine.ts'
import { killLog } from '../../support/kill-log.ts'

const KILLS = 200

test(`${KILLS} kills lose nothing and leave no append in part`, { timeout: 180_000 }, async () => {
  const report = await killLog(temporaryDirectory(), KILLS)
  expect(report.acknowledged).toBeGreaterThan(KILLS)
  expect(report.events).toBeGreaterThanOrEqual(report.acknowledged)
})
