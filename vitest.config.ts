import { defineConfig } from 'vitest/config'
import { secondTry } from './test/support/second-try.ts'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/slow/**', 'node_modules/**'],
    testTimeout: 30_000,
    retry: secondTry,
    pool: 'forks',
    maxWorkers: 2,
  },
})
