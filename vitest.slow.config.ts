import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/slow/**/*.test.ts'],
    testTimeout: 30_000,
    pool: 'forks',
    // Each of them starts processes of its own, which need the machine for themselves.
    fileParallelism: false,
  },
})
