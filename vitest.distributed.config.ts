/**
 * Every test that runs the whole application, once more on the distributed engine: `npm run
 * test:distributed`. What an engine promises by itself is tested by `npm test`, on the same servers.
 */
import { defineConfig } from 'vitest/config'
import { secondTry } from './test/support/second-try.ts'

for (const name of ['MONGODB_URL', 'REDIS_URL'])
  if (!process.env[name])
    throw new Error(
      `${name} is not set: the distributed engine is tested on servers (scripts/test-servers.sh starts some)`,
    )

export default defineConfig({
  test: {
    include: [
      'test/api/**/*.test.ts',
      'test/cli/invariants/app.test.ts',
      'test/commands/**/*.test.ts',
      'test/projections/{commerce-views,identity}.test.ts',
      'test/security/**/*.test.ts',
      'test/workers/**/*.test.ts',
    ],
    // What no route may do with garbage, and most of the security checks, do not depend on the engine.
    exclude: [
      'test/api/garbage.test.ts',
      'test/api/auth/422.test.ts',
      'test/security/{checks/**,fuzz.test.ts}',
      // Ten thousand events in MongoDB's stand-in take longer than they tell.
      'test/api/audit/bulk.test.ts',
    ],
    env: { TEST_ENGINE: 'distributed' },
    testTimeout: 60_000,
    hookTimeout: 60_000,
    retry: secondTry,
    pool: 'forks',
    // The application is loaded once for each worker, not for each of a hundred files.
    isolate: false,
    maxWorkers: 2,
  },
})
