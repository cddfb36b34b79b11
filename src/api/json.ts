/**
 * What may be in a JSON body before any schema looks at it: well-formed text without NUL, at most 32
 * levels deep, no keys that touch prototypes. The answer names the path.
 */
import { Problem } from './errors.ts'

const MAX_DEPTH = 32
const FORBIDDEN_KEYS = new Set(['__proto__', 'constructor', 'prototype'])

export function parseJson(text: string): unknown {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    // RangeError: nested so deep that the parser gave up.
    const message =
      error instanceof SyntaxError ? 'is not valid JSON' : `is nested deeper than ${MAX_DEPTH}`
    throw new Problem('malformed_body', {}, [{ path: 'body', message }])
  }
  check(value, 'body', 0)
  return value
}

const refuse = (path: string, message: string): never => {
  throw new Problem('malformed_body', {}, [{ path, message }])
}

function check(value: unknown, path: string, depth: number): void {
  if (typeof value === 'string') checkText(value, path)
  else if (typeof value === 'number' && !Number.isFinite(value)) refuse(path, 'is not a number')
  else if (typeof value === 'object' && value !== null) {
    if (depth >= MAX_DEPTH) refuse(path.slice(0, 200), `is nested deeper than ${MAX_DEPTH}`)
    if (Array.isArray(value))
      for (const [index, item] of value.entries()) check(item, `${path}.${index}`, depth + 1)
    else
      for (const key of Object.keys(value)) {
        checkText(key, path)
        if (FORBIDDEN_KEYS.has(key)) refuse(path, `the key ${key} is not allowed`)
        check((value as Record<string, unknown>)[key], `${path}.${key.slice(0, 64)}`, depth + 1)
      }
  }
}

export function checkText(text: string, path: string): void {
  if (!text.isWellFormed()) refuse(path, 'is not well-formed text (a lone surrogate)')
  if (text.includes('\0')) refuse(path, 'must not contain NUL')
}
