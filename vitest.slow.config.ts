import { defineConfig } from 'vitest/config'
import { secondTry } from './test/support/second-try.ts'

export default defineConfig({
  test: {
    include: ['test/slow/**/*.test.ts'],
    testTimeout: 30_000,
    retry: secondTry,
    pool: 'forks',
    // Each of them starts processes of its own, which need the machine for themselves.
    fileParallelism: false,
  },
})
