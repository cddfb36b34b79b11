// A prompt is exactly its template with the declared values put in once: no value is ever read again.
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type VariableDeclaration, MAX_VALUE_LENGTH } from '../../../src/domain/agent/events.ts'
import {
  MAX_RENDERED_BYTES,
  parseTemplate,
  render,
  validateTemplate,
} from '../../../src/domain/agent/template.ts'
import { ERASED } from '../../../src/domain/personal.ts'
import { Refusal } from '../../../src/domain/refusal.ts'

const declare = (name: string, change: Partial<VariableDeclaration> = {}): VariableDeclaration => ({
  name,
  required: true,
  maxLength: 1_000,
  ...change,
})
const user = (promptTemplate: string, ...variables: VariableDeclaration[]) => ({
  systemPrompt: '',
  promptTemplate,
  variables,
})
const text = (promptTemplate: string, input: string) =>
  render(user(promptTemplate), { input }).messages[0]?.content
const refusal = (act: () => unknown): { code: string; facts: unknown } | undefined => {
  try {
    act()
  } catch (error) {
    if (error instanceof Refusal) return { code: error.code, facts: error.facts }
    throw error
  }
  return undefined
}

describe('the language', () => {
  test.each([
    ['{{input}}', 'X'],
    ['{{ input }}', 'X'],
    ['{{\n\tinput\n}}', 'X'],
    ['a{{input}}b{{input}}c', 'aXbXc'],
    ['\\{{input}} {{input}}', '{{input}} X'],
    ['\\\\{{input}}', '\\X'],
    ['\\\\\\{{input}} {{input}}', '\\{{input}} X'],
    ['\\n \\ {{input}}', '\\n \\ X'],
    ['{"q": {"a": "{{input}}"}}', '{"q": {"a": "X"}}'],
    ['${input} <%= input %> {% if %} }} { {{input}}', '${input} <%= input %> {% if %} }} { X'],
    ['{{input}}}', 'X}'],
    ['é\u{1F600}{{input}}\u0000', 'é\u{1F600}X\u0000'],
  ])('%j says %j', (template, said) => {
    expect(parseTemplate(template).errors).toEqual([])
    expect(text(template, 'X')).toBe(said)
  })

  test.each([
    ['{{', 0, 1, 1],
    ['a {{ }}', 2, 1, 3],
    ['one\ntwo {{x.y}}', 8, 2, 5],
    ['{{1x}}', 0, 1, 1],
    ['{{input()}}', 0, 1, 1],
    ['{{input', 0, 1, 1],
    ['{{{input}}}', 0, 1, 1],
    ['{{a{{input}}}}', 0, 1, 1],
    ['{{имя}}', 0, 1, 1],
    [`{{${'a'.repeat(65)}}}`, 0, 1, 1],
    ['\r\n\r\n {{-}}', 5, 3, 2],
  ])('%j is a mistake, and says where', (template, offset, line, column) => {
    expect(parseTemplate(template).errors).toEqual([
      { code: 'malformed_placeholder', offset, line, column },
    ])
  })

  test('names at most twenty mistakes', () => {
    expect(parseTemplate('{{ '.repeat(500)).errors).toHaveLength(20)
  })
})

describe('publishing', () => {
  const codes = (...args: Parameters<typeof validateTemplate>) =>
    validateTemplate(...args).map((problem) => [problem.in, problem.code, problem.name])

  test('needs the input in the user template', () => {
    expect(codes('', 'Hello', [])).toEqual([['prompt_template', 'input_missing', 'input']])
    expect(codes('', '\\{{input}}', [])).toEqual([['prompt_template', 'input_missing', 'input']])
    expect(codes('', '{{input}}', [])).toEqual([])
  })
  test("keeps the caller's text out of the system's voice", () => {
    expect(codes('{{input}}', '{{input}}', [])).toEqual([
      ['system_prompt', 'input_in_system_prompt', 'input'],
    ])
    expect(codes('{{tone}}', '{{input}}', [declare('tone')])).toEqual([])
  })
  test('knows declared names only, each once', () => {
    expect(codes('{{a}}', '{{input}}{{b}}', [declare('a')])).toEqual([
      ['prompt_template', 'undeclared_variable', 'b'],
    ])
    expect(codes('', '{{input}}', [declare('a'), declare('a')])).toEqual([
      ['variables', 'duplicate_variable', 'a'],
    ])
    expect(codes('', '{{input}}', [declare('input', { required: false })])).toEqual([
      ['variables', 'input_not_required', 'input'],
    ])
  })
  test('finds no name on a prototype', () => {
    const names = ['constructor', '__proto__', 'toString', 'hasOwnProperty']
    for (const name of names)
      expect(codes('', `{{input}}{{${name}}}`, [])).toEqual([
        ['prompt_template', 'undeclared_variable', name],
      ])
  })
  test('has bounds', () => {
    const many = Array.from({ length: 65 }, (_, i) => declare(`v${i}`))
    expect(codes('', '{{input}}', many)).toEqual([['variables', 'too_many_variables', undefined]])
    expect(codes('é'.repeat(65_536), '{{input}}', [])).toEqual([
      ['prompt_template', 'too_large', undefined],
    ])
    expect(codes('{{x}}'.repeat(20_000), '{{input}}', [])).toHaveLength(20)
  })
})

describe('a call', () => {
  const agent = {
    systemPrompt: 'Speak {{language}}. {{mood}}',
    promptTemplate: '[{{topic}}] {{input}}',
    variables: [
      declare('language', { maxLength: 3 }),
      declare('topic'),
      declare('mood', { required: false }),
      declare('input', { maxLength: 10 }),
    ],
  }
  const given = { input: 'Why?', variables: { language: 'en', topic: 'sea' } }
  const none = { missing: [], unknown: [], tooLong: [], notText: [] }

  test('is a system and a user message', () => {
    expect(render(agent, given).messages).toEqual([
      { role: 'system', content: 'Speak en. ' },
      { role: 'user', content: '[sea] Why?' },
    ])
  })
  test('has no system message where it would be empty', () => {
    expect(render(user('{{input}}'), { input: 'x' }).messages).toEqual([
      { role: 'user', content: 'x' },
    ])
  })
  test.each([undefined, ''])('needs an input, not %j', (input) => {
    expect(refusal(() => render(agent, { ...given, input }))).toEqual({
      code: 'input_required',
      facts: { ...none, missing: ['input'] },
    })
  })
  test.each<[string, object, object]>([
    ['missing', { variables: { language: 'en' } }, { missing: ['topic'] }],
    [
      'missing: a value on the prototype is none',
      { variables: Object.create({ topic: 'x', language: 'en' }) as object },
      { missing: ['language', 'topic'] },
    ],
    [
      'unknown',
      { variables: { ...given.variables, tone: 'x', constructor: 'y' } },
      { unknown: ['tone', 'constructor'] },
    ],
    [
      'unknown: a name of Object itself',
      { variables: JSON.parse('{"language":"en","topic":"sea","__proto__":"x"}') as object },
      { unknown: ['__proto__'] },
    ],
    [
      'unknown: a second input',
      { variables: { ...given.variables, input: 'other' } },
      { unknown: ['input'] },
    ],
    [
      'too long',
      { variables: { language: 'engl', topic: 'sea' } },
      { tooLong: [{ name: 'language', length: 4, maxLength: 3 }] },
    ],
    [
      'too long: the input',
      { input: 'x'.repeat(11) },
      { tooLong: [{ name: 'input', length: 11, maxLength: 10 }] },
    ],
    ['not text', { variables: { language: 5, topic: null } }, { notText: ['language', 'topic'] }],
    ['not text: the input', { input: ['x'] }, { notText: ['input'] }],
  ])('is refused with what is %s', (_what, change, facts) => {
    expect(refusal(() => render(agent, { ...given, ...change }))).toEqual({
      code: 'variables_invalid',
      facts: { ...none, ...facts },
    })
  })
  test('counts characters, not halves of them', () => {
    const flags = { language: '\u{1F600}'.repeat(3), topic: 'sea' }
    expect(render(agent, { ...given, variables: flags }).messages[0]?.content).toContain(
      '\u{1F600}',
    )
  })
  test('may declare names that every object has', () => {
    const odd = user(
      '{{input}}{{constructor}}{{__proto__}}',
      declare('constructor'),
      declare('__proto__'),
    )
    const variables = JSON.parse('{"constructor":"c","__proto__":"p"}') as Record<string, unknown>
    expect(render(odd, { input: 'i', variables }).messages[0]?.content).toBe('icp')
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false)
  })
  test('cannot be made when the texts are erased', () => {
    expect(refusal(() => render({ ...agent, systemPrompt: ERASED }, given))?.code).toBe(
      'content_erased',
    )
  })
  test('is bounded before it is put together', () => {
    const twice = user('{{input}}'.repeat(1_000))
    const refused = refusal(() => render(twice, { input: 'x'.repeat(MAX_VALUE_LENGTH) }))
    expect(refused).toEqual({
      code: 'prompt_too_large',
      facts: { bytes: 1_000 * MAX_VALUE_LENGTH, limitBytes: MAX_RENDERED_BYTES },
    })
  })
})

describe('for any values', () => {
  const hostile = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('{{input}}', '{{a}}', '\\{{', '{{', '}}', '$&', '$1', '{{constructor}}'),
  )
  const texts = fc.array(hostile, { minLength: 1, maxLength: 5 }).map((parts) => parts.join(''))
  const filled = texts.filter((value) => value !== '')
  /** Text that means itself. */
  const plain = fc.string().map((value) => value.replaceAll('{', '(').replaceAll('\\', '/'))

  test('a value stays as it is, whatever it looks like', () => {
    fc.assert(
      fc.property(filled, texts, (input, a) => {
        const agent = { ...user('<{{a}}|{{input}}|{{a}}>', declare('a')), systemPrompt: 'S{{a}}' }
        expect(render(agent, { input, variables: { a } }).messages).toEqual([
          { role: 'system', content: `S${a}` },
          { role: 'user', content: `<${a}|${input}|${a}>` },
        ])
      }),
    )
  })
  test('the prompt is its pieces, one after the other', () => {
    const pieces = fc.array(fc.oneof(plain, fc.constantFrom('{{input}}', '{{a}}', '\\{{')))
    fc.assert(
      fc.property(pieces, filled, texts, (template, input, a) => {
        const one = (piece: string) =>
          piece === '{{input}}' ? input : piece === '{{a}}' ? a : piece === '\\{{' ? '{{' : piece
        const agent = user(template.join(''), declare('a'))
        const said = render(agent, { input, variables: { a } }).messages.at(-1)?.content
        expect(said).toBe(template.map(one).join(''))
      }),
    )
  })
  test('the same call gives the same prompt and changes nothing it was given', () => {
    fc.assert(
      fc.property(texts, filled, texts, (template, input, a) => {
        const agent = Object.freeze(user(template, Object.freeze(declare('a'))))
        const call = Object.freeze({ input, variables: Object.freeze({ a }) })
        expect(render(agent, call)).toEqual(render(structuredClone(agent), structuredClone(call)))
      }),
    )
  })
  test('no template makes the parser throw, and every mistake has a place in the text', () => {
    fc.assert(
      fc.property(texts, (template) => {
        for (const { offset, line, column } of parseTemplate(template).errors) {
          expect(template.startsWith('{{', offset)).toBe(true)
          expect(template.split('\n').slice(0, line).join('\n').length).toBeGreaterThan(offset)
          expect(column).toBeGreaterThan(0)
        }
      }),
    )
  })
})

test('the time grows with the length, not with its square', () => {
  const attacks = [
    '{{',
    '{{ '.repeat(2),
    '\\',
    '\\{{',
    '{{a',
    `{{${' '.repeat(50)}`,
    '}}',
    '{{input}}',
  ]
  for (const attack of attacks) {
    const long = attack.repeat(Math.ceil(1_000_000 / attack.length))
    const begun = performance.now()
    parseTemplate(long)
    parseTemplate(`{{${long}`)
    parseTemplate(`{{a${' '.repeat(1_000_000)}`)
    // A quadratic parser needs minutes for this.
    expect(performance.now() - begun, JSON.stringify(attack.slice(0, 9))).toBeLessThan(2_000)
  }
})
