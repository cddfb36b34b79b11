/**
 * Says what to do where Node is too old, before anything that such a Node cannot read is loaded.
 * The npm scripts preload it; plain JavaScript without imports, so that any Node since 18 runs it.
 */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 24 || (major === 24 && minor < 15)) {
  process.stderr.write(
    `Daybook needs Node 24.15 or later; this is ${process.version}.\n` +
      '`npm ci` brings one for the npm scripts, unless install scripts are turned off. Then either\n' +
      '  npm rebuild node --ignore-scripts=false\n' +
      'or put a Node 24.15 or later first in PATH.\n',
  )
  // EX_CONFIG
  process.exit(78)
}
