/**
 * The operator's command line: `npm run daybook -- …`. Kept tiny so that the version is looked at and
 * the compile cache is on before anything large is loaded.
 */
import { enableCompileCache } from 'node:module'

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 24 || (major === 24 && minor < 15)) {
  process.stderr.write(
    `Daybook needs Node 24.15 or later; this is ${process.version}. ` +
      '`npm ci` brings one for the npm scripts, unless install scripts are turned off.\n',
  )
  process.exit(78)
}
enableCompileCache()
const { run } = await import('./command-line.ts')
process.exitCode = await run(process.argv.slice(2))
