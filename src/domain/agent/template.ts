/**
 * The template language: text with `{{name}}` of declared variables, and nothing else. No expressions,
 * no paths, no partials. One pass: a value is put in as it is and never read again, so what a caller
 * sends can neither name a variable nor change the words around it. The person's locale is not known
 * here. `\{{` is a literal `{{`; of several backslashes before `{{` each pair is one backslash.
 * `input`, the caller's text, belongs in the user template and never in the system prompt.
 */
import { isErased, type Maybe } from '../personal.ts'
import { Refusal } from '../refusal.ts'
import {
  MAX_PROMPT_BYTES,
  MAX_VALUE_LENGTH,
  MAX_VARIABLES,
  type VariableDeclaration,
} from './events.ts'

/** A small template may repeat a large value: what would become larger is refused before it is made. */
export const MAX_RENDERED_BYTES = 1024 * 1024
const MAX_PROBLEMS = 20
const MAX_NAME_SHOWN = 64

/** `offset` of a placeholder: in UTF-16 units from 0, as editors count. */
export type TemplatePart =
  | { readonly text: string }
  | { readonly variable: string; readonly offset: number }

export interface TemplateError {
  readonly code: 'malformed_placeholder'
  readonly offset: number
  /** Line and column from 1. */
  readonly line: number
  readonly column: number
}

export interface ParsedTemplate {
  readonly parts: readonly TemplatePart[]
  readonly errors: readonly TemplateError[]
}

export interface TemplateProblem {
  readonly code:
    | 'malformed_placeholder'
    | 'undeclared_variable'
    | 'input_missing'
    | 'input_in_system_prompt'
    | 'input_not_required'
    | 'duplicate_variable'
    | 'too_many_variables'
    | 'too_large'
  readonly in: 'system_prompt' | 'prompt_template' | 'variables'
  readonly name?: string
  readonly offset?: number
  readonly line?: number
  readonly column?: number
}

/** What the model is sent, in order. */
export interface PromptMessage {
  readonly role: 'system' | 'user'
  readonly content: string
}

export interface VariableProblems {
  readonly missing: readonly string[]
  readonly unknown: readonly string[]
  readonly tooLong: readonly { name: string; length: number; maxLength: number }[]
  readonly notText: readonly string[]
}

/** Every template has it, declared or not; a declaration may only narrow its length. */
const implicitInput: VariableDeclaration = {
  name: 'input',
  required: true,
  maxLength: MAX_VALUE_LENGTH,
}

/** Splits a template into text and variables in one pass, in time linear in its length. */
export function parseTemplate(template: string): ParsedTemplate {
  const parts: TemplatePart[] = []
  const errors: TemplateError[] = []
  const placeholder = /\{\{\s*([a-zA-Z_][a-zA-Z0-9_]{0,63})\s*\}\}/y
  let text = ''
  let from = 0
  const flush = () => {
    if (text !== '') parts.push({ text })
    text = ''
  }
  for (let open = template.indexOf('{{'); open >= 0; open = template.indexOf('{{', from)) {
    let slashes = 0
    while (open - slashes > from && template[open - slashes - 1] === '\\') slashes++
    text += template.slice(from, open - slashes) + '\\'.repeat(slashes >> 1)
    placeholder.lastIndex = open
    const match = slashes % 2 === 0 ? placeholder.exec(template) : null
    if (match) {
      flush()
      parts.push({ variable: match[1] ?? '', offset: open })
      from = placeholder.lastIndex
      continue
    }
    if (slashes % 2 === 0 && errors.length < MAX_PROBLEMS)
      errors.push({ code: 'malformed_placeholder', ...placeOf(template, open) })
    text += '{{'
    from = open + 2
  }
  text += template.slice(from)
  flush()
  return { parts, errors }
}

function placeOf(template: string, offset: number) {
  const before = template.slice(0, offset)
  const lineStart = before.lastIndexOf('\n') + 1
  return { offset, line: before.split('\n').length, column: offset - lineStart + 1 }
}

/** What stands in the way of publishing; [] when nothing does. At most 20 problems are named. */
export function validateTemplate(
  systemPrompt: string,
  promptTemplate: string,
  variables: readonly VariableDeclaration[],
): TemplateProblem[] {
  if (bytesOf(systemPrompt) + bytesOf(promptTemplate) > MAX_PROMPT_BYTES)
    return [{ code: 'too_large', in: 'prompt_template' }]
  const declared = new Set(variables.map((variable) => variable.name)).add('input')
  const user = parseTemplate(promptTemplate)
  const problems = [
    ...declarationProblems(variables),
    ...placeholderProblems('system_prompt', systemPrompt, parseTemplate(systemPrompt), declared),
    ...placeholderProblems('prompt_template', promptTemplate, user, declared),
  ]
  if (!user.parts.some((part) => 'variable' in part && part.variable === 'input'))
    problems.unshift({ code: 'input_missing', in: 'prompt_template', name: 'input' })
  return problems.slice(0, MAX_PROBLEMS)
}

function declarationProblems(variables: readonly VariableDeclaration[]): TemplateProblem[] {
  if (variables.length > MAX_VARIABLES) return [{ code: 'too_many_variables', in: 'variables' }]
  const problems: TemplateProblem[] = []
  const seen = new Set<string>()
  for (const { name, required } of variables) {
    if (seen.has(name)) problems.push({ code: 'duplicate_variable', in: 'variables', name })
    if (name === 'input' && !required)
      problems.push({ code: 'input_not_required', in: 'variables', name })
    seen.add(name)
  }
  return problems
}

function placeholderProblems(
  where: 'system_prompt' | 'prompt_template',
  template: string,
  { parts, errors }: ParsedTemplate,
  declared: ReadonlySet<string>,
): TemplateProblem[] {
  const problems: TemplateProblem[] = errors.map((error) => ({ in: where, ...error }))
  for (const part of parts) {
    if (problems.length >= MAX_PROBLEMS) break
    if ('text' in part) continue
    const code = !declared.has(part.variable)
      ? 'undeclared_variable'
      : part.variable === 'input' && where === 'system_prompt'
        ? 'input_in_system_prompt'
        : undefined
    if (code)
      problems.push({ code, in: where, name: part.variable, ...placeOf(template, part.offset) })
  }
  return problems
}

/** The values by name, or what is wrong with them. An empty `input` is a missing one. */
export function checkVariables(
  declarations: readonly VariableDeclaration[],
  input: unknown,
  variables: Readonly<Record<string, unknown>>,
): { readonly values: ReadonlyMap<string, string>; readonly problems: VariableProblems } {
  const declared = new Map([implicitInput, ...declarations].map((one) => [one.name, one]))
  const given = new Map(Object.entries(variables))
  // `input` has a place of its own: a second one beside it would be a silent choice.
  const unknown = [...given.keys()].filter((name) => name === 'input' || !declared.has(name))
  if (input !== undefined && input !== '') given.set('input', input)
  else given.delete('input')
  const values = new Map<string, string>()
  const missing: string[] = []
  const tooLong: { name: string; length: number; maxLength: number }[] = []
  const notText: string[] = []
  for (const { name, required, maxLength } of declared.values()) {
    const value = given.get(name)
    if (value === undefined) {
      if (required) missing.push(name)
    } else if (typeof value !== 'string') notText.push(name)
    else if (value.length > maxLength && charactersOf(value) > maxLength)
      tooLong.push({ name, length: charactersOf(value), maxLength })
    else values.set(name, value)
  }
  const shown = unknown.slice(0, MAX_PROBLEMS).map((name) => name.slice(0, MAX_NAME_SHOWN))
  return { values, problems: { missing, unknown: shown, tooLong, notText } }
}

/**
 * The messages of one call: a pure function of the version, the input and the variables. A system prompt
 * that comes out empty is left out.
 * @throws Refusal input_required, variables_invalid (facts: VariableProblems), prompt_too_large,
 * content_erased
 */
export function render(
  version: {
    readonly systemPrompt: Maybe<string>
    readonly promptTemplate: Maybe<string>
    readonly variables: readonly VariableDeclaration[]
  },
  request: { readonly input: unknown; readonly variables?: Readonly<Record<string, unknown>> },
): { readonly messages: readonly PromptMessage[] } {
  const { systemPrompt, promptTemplate } = version
  if (isErased(systemPrompt) || isErased(promptTemplate)) throw new Refusal('content_erased')
  const { values, problems } = checkVariables(
    version.variables,
    request.input,
    request.variables ?? {},
  )
  if (problems.missing.includes('input')) throw new Refusal('input_required', { ...problems })
  if (Object.values(problems).some((names) => names.length > 0))
    throw new Refusal('variables_invalid', { ...problems })
  const system = parseTemplate(systemPrompt).parts
  const user = parseTemplate(promptTemplate).parts
  refuseTooLarge([...system, ...user], values)
  const messages: PromptMessage[] = [{ role: 'user', content: fill(user, values) }]
  const systemText = fill(system, values)
  if (systemText !== '') messages.unshift({ role: 'system', content: systemText })
  return { messages }
}

const fill = (parts: readonly TemplatePart[], values: ReadonlyMap<string, string>): string =>
  parts.map((part) => ('text' in part ? part.text : (values.get(part.variable) ?? ''))).join('')

/** Counted before anything is put together. */
function refuseTooLarge(parts: readonly TemplatePart[], values: ReadonlyMap<string, string>): void {
  const sizes = new Map([...values].map(([name, value]) => [name, bytesOf(value)]))
  let bytes = 0
  for (const part of parts)
    bytes += 'text' in part ? bytesOf(part.text) : (sizes.get(part.variable) ?? 0)
  if (bytes > MAX_RENDERED_BYTES)
    throw new Refusal('prompt_too_large', { bytes, limitBytes: MAX_RENDERED_BYTES })
}

/** Bytes of UTF-8. */
export const bytesOf = (text: string): number => encoder.encode(text).length
const encoder = new TextEncoder()

/** Code points: what a person calls characters. */
function charactersOf(text: string): number {
  let count = 0
  for (const _character of text) count++
  return count
}
