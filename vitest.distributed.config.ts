/** The tests of routes, flows and guarantees once more, on the distributed engine: `npm run test:distributed`. */
import { defineConfig } from 'vitest/config'

for (const name of ['MONGODB_URL', 'REDIS_URL'])
  if (!process.env[name])
    throw new Error(
      `${name} is not set: the distributed engine is tested on servers (scripts/test-servers.sh starts some)`,
    )

export default defineConfig({
  test: {
    include: [
      'test/api/**/*.test.ts',
      'test/commands/**/*.test.ts',
      'test/engines/distributed/**/*.test.ts',
      'test/engines/eventstoredb-peer*.test.ts',
      'test/security/**/*.test.ts',
      'test/workers/**/*.test.ts',
    ],
    env: { TEST_ENGINE: 'distributed' },
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
  },
})
