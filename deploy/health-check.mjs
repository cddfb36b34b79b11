/**
 * For containers: exits 0 when this server's /health/live (or /health/ready, when asked for `ready`)
 * answers 200, else 1 with what it said. Asks the address that the server itself listens on.
 */
const { HOST = '127.0.0.1', PORT = '3000' } = process.env
const everywhere = { '0.0.0.0': '127.0.0.1', '::': '::1', '': '127.0.0.1' }
const host = everywhere[HOST] ?? HOST
const name = process.argv[2] ?? 'live'
const url = `http://${host.includes(':') ? `[${host}]` : host}:${PORT || '3000'}/health/${name}`
try {
  const answer = await fetch(url, { signal: AbortSignal.timeout(4_000) })
  if (!answer.ok) {
    process.stderr.write(`${answer.status} ${await answer.text()}\n`)
    process.exitCode = 1
  }
} catch (error) {
  process.stderr.write(`${url}: ${error?.cause?.message ?? error?.message}\n`)
  process.exitCode = 1
}
