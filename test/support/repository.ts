/** The repository's own source files, for the tests that read it. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../../', import.meta.url))

export interface SourceFile {
  /** From the repository's root, with slashes. */
  readonly path: string
  readonly text: string
  readonly lines: readonly string[]
  /** Files of the repository that it imports, from the root. */
  readonly imports: readonly string[]
  /** Everything else that it imports. */
  readonly packages: readonly string[]
}

export function sourceFiles(folder: string): SourceFile[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => read(join(root, folder, name)))
    .sort((a, b) => a.path.localeCompare(b.path))
}

function read(file: string): SourceFile {
  const text = readFileSync(file, 'utf8')
  const imports: string[] = []
  const packages: string[] = []
  for (const [, specifier = ''] of text
    .matchAll(
      /(?:^|\n)\s*(?:import|export)\s[^'"]*?from\s*['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)/g,
    )
    .map((match) => ['', match[1] ?? match[2]]))
    if (specifier.startsWith('.'))
      imports.push(relative(root, resolve(dirname(file), specifier)).replaceAll('\\', '/'))
    else packages.push(specifier)
  return {
    path: relative(root, file).replaceAll('\\', '/'),
    text,
    lines: text.split('\n'),
    imports,
    packages,
  }
}
