/**
 * The process: configuration → app → serve → graceful stop. Kept tiny so that the compile cache is on
 * before anything large is loaded.
 */
import { enableCompileCache } from 'node:module'

enableCompileCache()
const { serve } = await import('./serve.ts')
process.exitCode = await serve(process.argv.slice(2))
