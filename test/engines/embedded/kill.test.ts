// What the log has acknowledged survives SIGKILL at any moment of a group commit, whole and in order.
import { expect, test } from 'vitest'
import { temporaryDirectory } from '../../support/embedded-engine.ts'
import { killLog } from '../../support/kill-log.ts'

/** LOG_KILLS=200 where it is worth half a minute: a change of the log itself. */
const KILLS = Number(process.env['LOG_KILLS'] ?? 60)

test(
  `${KILLS} kills lose nothing and leave no append in part`,
  { timeout: 60_000 + KILLS * 1_000 },
  async () => {
    const report = await killLog(temporaryDirectory(), KILLS)
    expect(report.acknowledged).toBeGreaterThan(KILLS)
    expect(report.events).toBeGreaterThanOrEqual(report.acknowledged)
  },
)
