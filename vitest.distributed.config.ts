/**
 * Every test that runs the whole application, once more on the distributed engine: `npm run
 * test:distributed`. What an engine promises by itself is tested by `npm test`, on the same servers.
 */
import { defineConfig } from 'vitest/config'
import { compileCache } from './test/support/compile-cache.ts'
import { testsThatOpenTheApp } from './test/support/opens-app.ts'
import { secondTry } from './test/support/second-try.ts'

for (const name of ['MONGODB_URL', 'REDIS_URL'])
  if (!process.env[name])
    throw new Error(
      `${name} is not set: the distributed engine is tested on servers (scripts/test-servers.sh starts some)`,
    )

const WHERE =
  /^test\/(?:api|commands|security|workers)\/|^test\/cli\/invariants\/app|^test\/projections\/(?:commerce-views|identity)/

export default defineConfig({
  test: {
    include: testsThatOpenTheApp().filter((path) => WHERE.test(path)),
    // What no route may do with garbage, most of the security checks, and which input is refused with
    // which words do not depend on the engine: `npm test` has them.
    exclude: [
      'test/api/garbage.test.ts',
      'test/api/auth/{400,422}.test.ts',
      'test/api/**/{refused,refusals}.test.ts',
      'test/security/{checks/**,fuzz.test.ts}',
      // What becomes of a wish at Paddle is decided by streams and a lease, which other tests have here.
      'test/api/billing/{before-answers,change-plan}.test.ts',
      // What people write and how Telegram brings it does not, either.
      'test/workers/telegram/{conversation,deep-links,hostile,link,subscribe,webhook}.test.ts',
      // Nor do the words of mails and pages, what a key or a policy allows, and what Paddle's list says.
      'test/workers/{news-mails,reconcile-paddle}.test.ts',
      'test/api/{api-keys,policy-decisions,site}/**',
      'test/commands/invocation/no-texts.test.ts',
      // Kills of sign-ins by Telegram: `npm run test:kills` has them on servers.
      'test/commands/user/telegram/recovery.test.ts',
      // Ten thousand events in MongoDB's stand-in take longer than they tell.
      'test/api/audit/bulk.test.ts',
    ],
    env: { ...compileCache, TEST_ENGINE: 'distributed' },
    globalSetup: 'test/support/quick-disk.ts',
    testTimeout: 60_000,
    hookTimeout: 60_000,
    retry: secondTry,
    pool: 'forks',
    // The application is loaded once for each worker, not for each of a hundred files.
    isolate: false,
    maxWorkers: 2,
  },
})
