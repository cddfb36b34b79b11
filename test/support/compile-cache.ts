/**
 * Where every process that tests start keeps what it has compiled: loading the program is most of what a
 * start costs. Node compares the sources itself, so nothing old is ever run.
 */
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const compileCache = {
  NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? join(tmpdir(), 'daybook-compile-cache'),
}
