/** A process of the release that TEST_RELEASE names: the product's own `serve`, with that release's events and views. */
import { enableCompileCache } from 'node:module'

enableCompileCache()
const [{ serve }, { releases }] = await Promise.all([
  import('../../src/serve.ts'),
  import('./next-release.ts'),
])
const name = process.env['TEST_RELEASE'] ?? ''
const release = Object.entries(releases).find(([known]) => known === name)?.[1]
if (!release) throw new Error(`TEST_RELEASE: ${Object.keys(releases).join(', ')}; not ${name}`)
process.exitCode = await serve(process.argv.slice(2), release)
