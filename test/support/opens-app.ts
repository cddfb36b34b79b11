/**
 * Which tests open the whole application, themselves or through what they import: on another engine every
 * other one would do the same again.
 */
import { sourceFiles } from './repository.ts'

const APP = 'test/support/app.ts'

/** Paths from the repository's root. */
export function testsThatOpenTheApp(): string[] {
  const importsOf = new Map(sourceFiles('test').map(({ path, imports }) => [path, imports]))
  const opens = new Set([APP])
  // Until nothing more is found: files may import each other.
  for (let before = 0; before < opens.size;) {
    before = opens.size
    for (const [path, imports] of importsOf)
      if (imports.some((one) => opens.has(one))) opens.add(path)
  }
  return [...opens].filter((path) => path.endsWith('.test.ts')).sort()
}
