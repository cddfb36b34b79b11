// A server killed at random many times more, by other seeds, keeps every promise of the kill tests.
import { describe, expect, test } from 'vitest'
import { killAtRandom } from '../support/random-kills.ts'

const KILLS = Number(process.env['KILLS'] ?? 20)
const SEED = Number(process.env['KILL_SEED'] ?? Date.now() % 1_000_000_000)
/** Data grows from kill to kill, and with it each check. */
const ON_ONE_DATA = 20

const rounds = Array.from({ length: Math.ceil(KILLS / ON_ONE_DATA) }, (_, n) => ({
  kills: Math.min(ON_ONE_DATA, KILLS - n * ON_ONE_DATA),
  seed: SEED + n,
}))

describe('killed at random', () => {
  test.each(rounds)('$kills kills, seed $seed', { timeout: 600_000 }, async ({ kills, seed }) => {
    const report = await killAtRandom(kills, seed)
    expect(report.unanswered).toBeGreaterThan(kills)
    process.stdout.write(`kills at random: ${JSON.stringify(report)}\n`)
  })
})
