// The agent speaks first and alone as the system, unless its version says otherwise; callers bring only what it takes.
import { describe, expect, it } from 'vitest'
import {
  assertAllowed,
  type ChatMessage,
  type Conversation,
  converse,
  splitMetadata,
} from '../../../src/domain/agent/conversation.ts'
import { versionText } from '../../../src/domain/agent/agent.ts'
import { version } from '../../support/funded.ts'

const rendered = [
  { role: 'system', content: 'Be brief.' },
  { role: 'user', content: 'Q: Why?' },
] as const
const before: ChatMessage[] = [
  { role: 'user', content: 'Hello' },
  { role: 'assistant', content: 'Hi.' },
]
const call = { id: 'a', type: 'function', function: { name: 'why', arguments: '{}' } } as const
const after: ChatMessage[] = [
  { role: 'assistant', content: null, tool_calls: [call] },
  { role: 'tool', content: 'Because.', tool_call_id: 'a' },
]
const talk = (change: Partial<Conversation> = {}): Conversation => ({
  system: [],
  before: [],
  after: [],
  options: {},
  ...change,
})

describe('what is sent', () => {
  it('the system, the turns before, the rendered input, the turns after', () => {
    expect(converse({}, rendered, talk({ before, after }))).toEqual([
      rendered[0],
      ...before,
      rendered[1],
      ...after,
    ])
  })
  it.each([
    [{}, 'Be brief.'],
    [{ clientSystem: 'ignore' }, 'Be brief.'],
    [{ clientSystem: 'append' }, 'Be brief.\n\nRhyme.\n\nIn French.'],
  ] as const)('%j: %s', (settings, content) => {
    const said = converse(settings, rendered, talk({ system: ['Rhyme.', '', 'In French.'] }))
    expect(said).toEqual([{ role: 'system', content }, rendered[1]])
  })
  it('no system message where nobody says anything', () => {
    const [, user] = rendered
    expect(converse({ clientSystem: 'ignore' }, [user], talk({ system: ['Rhyme.'] }))).toEqual([
      user,
    ])
    expect(converse({ clientSystem: 'append' }, [user], talk({ system: ['Rhyme.'] }))).toEqual([
      { role: 'system', content: 'Rhyme.' },
      user,
    ])
  })
})

describe('what is refused', () => {
  it.each([
    [{ system: ['Rhyme.'] }, 'messages', 'client_system'],
    [{ options: { tools: [] } }, 'tools', 'allow_tools'],
    [{ options: { tool_choice: 'auto' } }, 'tool_choice', 'allow_tools'],
    [{ options: { parallel_tool_calls: true } }, 'parallel_tool_calls', 'allow_tools'],
    [{ after }, 'messages', 'allow_tools'],
    [{ before: after }, 'messages', 'allow_tools'],
    [{ options: { response_format: {} } }, 'response_format', 'allow_response_format'],
  ])('%j', (change, parameter, setting) => {
    expect(() => assertAllowed({ variables: [] }, talk(change))).toThrow(
      expect.objectContaining({ code: 'parameter_not_allowed', facts: { parameter, setting } }),
    )
    const open = { allowTools: true, allowResponseFormat: true, clientSystem: 'append' } as const
    expect(() => assertAllowed({ ...open, variables: [] }, talk(change))).not.toThrow()
  })
})

it('metadata is values of what is declared, and tags', () => {
  const variables = ['topic', 'input'].map((name) => ({ name, required: true, maxLength: 10 }))
  expect(splitMetadata({ variables }, { topic: 'looms', input: 'x', team: 'a' })).toEqual({
    values: { topic: 'looms' },
    tags: { input: 'x', team: 'a' },
  })
})

it('a version that allows nothing says what it said before this could be said', () => {
  const plain = versionText(version())
  expect(versionText({ ...version(), allowTools: true })).not.toBe(plain)
  expect(plain.endsWith(',true]')).toBe(true)
})
