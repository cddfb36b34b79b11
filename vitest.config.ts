import { defineConfig } from 'vitest/config'
import { compileCache } from './test/support/compile-cache.ts'
import { secondTry } from './test/support/second-try.ts'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/slow/**', 'node_modules/**'],
    env: compileCache,
    globalSetup: 'test/support/quick-disk.ts',
    testTimeout: 30_000,
    retry: secondTry,
    pool: 'forks',
    // The application is loaded once for each worker, not for each of more than two hundred files.
    isolate: false,
    maxWorkers: 2,
  },
})
