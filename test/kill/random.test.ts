// A server killed at random under parallel load loses nothing it has answered, charges nothing twice and finishes what it has begun.
import { expect, test } from 'vitest'
import { killAtRandom } from '../support/random-kills.ts'

const KILLS = Number(process.env['KILLS'] ?? 8)
const SEED = Number(process.env['KILL_SEED'] ?? Date.now() % 1_000_000_000)

test(`${KILLS} kills, seed ${SEED}`, { timeout: 60_000 + KILLS * 15_000 }, async () => {
  const report = await killAtRandom(KILLS, SEED)
  expect(report.answered).toBeGreaterThan(KILLS)
  // A kill that meets no request in flight proves nothing.
  expect(report.unanswered).toBeGreaterThan(KILLS)
  expect(report.repeated).toBeGreaterThan(0)
  process.stdout.write(`kills at random: ${JSON.stringify(report)}\n`)
})
