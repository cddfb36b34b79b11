import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/slow/**/*.test.ts'],
    // Minutes of a whole installation under load, every fault and rolling updates: `npm run test:faults`.
    exclude: process.env['FAULTS'] ? [] : ['test/slow/faults.test.ts', 'test/slow/rolling.test.ts'],
    testTimeout: 30_000,
    pool: 'forks',
    maxWorkers: 2,
  },
})
