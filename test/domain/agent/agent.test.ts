// An agent's versions never change, a label says which one a call gets, and nobody gets another's agent.
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  agent as agentDecider,
  type AgentCommand,
  mayUseAgent,
  settingsOf,
  versionForCall,
  versionText,
} from '../../../src/domain/agent/agent.ts'
import {
  agentEvents,
  agentVersionInput,
  type AgentEvent,
  type AgentVersionInput,
  MAX_PROMPT_BYTES,
} from '../../../src/domain/agent/events.ts'
import { dataClassOf, ERASED } from '../../../src/domain/personal.ts'
import { Refusal } from '../../../src/domain/refusal.ts'
import { same } from '../../../src/domain/same.ts'
import { given as tell, stateOf } from '../../support/decider.ts'

const agentId = 'agt_00000000000000000000000001'
const owner = 'org_00000000000000000000000001'
const stranger = 'org_00000000000000000000000002'
const version: AgentVersionInput = {
  systemPrompt: 'Answer in {{language}}.',
  promptTemplate: '{{input}}',
  variables: [{ name: 'language', required: true, maxLength: 20 }],
  fallbacks: [],
  abortPolicy: 'drain',
  onProviderFailure: 'free',
  store: true,
}
const digest = (n: number) => String(n).repeat(64)
const publish = (n: number, change: Partial<AgentVersionInput> = {}): AgentCommand => ({
  type: 'PublishAgentVersion',
  version: { ...version, ...change },
  digest: digest(n),
})
const published = (n: number, of: number = n): AgentEvent => ({
  type: 'AgentVersionPublished',
  data: { agentId, owner, version: n, digest: digest(of), ...version },
})
const labelled = (label: string, n: number): AgentEvent => ({
  type: 'AgentLabelMoved',
  data: { agentId, label, version: n },
})
const identity = { agentId, owner, slug: 'translator', name: 'Translator' }
const created: AgentEvent = { type: 'AgentCreated', data: identity }
const deactivated: AgentEvent = { type: 'AgentDeactivated', data: { agentId } }
const activated: AgentEvent = { type: 'AgentActivated', data: { agentId } }
const create = { type: 'CreateAgent', ...identity } as const
const given = (...events: AgentEvent[]) => tell(agentDecider, events)
const state = (...events: AgentEvent[]) => stateOf(agentDecider, events)
const refusedWith = (act: () => unknown) => {
  try {
    act()
  } catch (error) {
    if (error instanceof Refusal) return error.code
    throw error
  }
  return undefined
}

describe('an agent', () => {
  test('is created once, with or without its first version', () => {
    given().when(create).then([created])
    given(created).when(create).thenNothing()
    given()
      .when({ ...create, publish: { version, digest: digest(1) } })
      .then([created, published(1), labelled('production', 1)])
  })
  test('is not created with a version that could not be published', () => {
    const bad = { ...version, promptTemplate: 'no input' }
    given()
      .when({ ...create, publish: { version: bad, digest: digest(1) } })
      .thenRefused('template_invalid')
  })
  test('is renamed', () => {
    given(created)
      .when({ type: 'RenameAgent', name: 'Interpreter' })
      .then([{ type: 'AgentRenamed', data: { agentId, name: 'Interpreter' } }])
    given(created).when({ type: 'RenameAgent', name: 'Translator' }).thenNothing()
    expect(state(created, { type: 'AgentRenamed', data: { agentId, name: 'Other' } })?.name).toBe(
      'Other',
    )
  })
  test('is active from the start, deactivated and activated again', () => {
    given(created).when({ type: 'ActivateAgent' }).thenNothing()
    given(created).when({ type: 'DeactivateAgent' }).then([deactivated])
    given(created, deactivated).when({ type: 'DeactivateAgent' }).thenNothing()
    given(created, deactivated).when({ type: 'ActivateAgent' }).then([activated])
  })
  test('is renamed and switched in one go, or only as far as it is news', () => {
    const renamed: AgentEvent = { type: 'AgentRenamed', data: { agentId, name: 'Interpreter' } }
    const change = { type: 'ChangeAgent', name: 'Interpreter', active: false } as const
    given(created).when(change).then([renamed, deactivated])
    given(created, deactivated).when(change).then([renamed])
    given(created, deactivated).when({ type: 'ChangeAgent', active: true }).then([activated])
    given(created).when({ type: 'ChangeAgent', name: 'Translator', active: true }).thenNothing()
  })
  test.each<AgentCommand>([
    { type: 'RenameAgent', name: 'x' },
    { type: 'ChangeAgent', name: 'x' },
    { type: 'ChangeAgent', active: true },
    publish(1),
    { type: 'MoveAgentLabel', label: 'production', version: 1 },
    { type: 'ActivateAgent' },
    { type: 'DeactivateAgent' },
  ])('that does not exist refuses $type', (command) => {
    given().when(command).thenRefused('agent_not_found')
  })
})

describe('a version', () => {
  test('gets the next number; the first gets the label production', () => {
    given(created)
      .when(publish(1))
      .then([published(1), labelled('production', 1)])
    given(created, published(1))
      .when(publish(2))
      .then([published(2)])
  })
  test('equal to the latest is not published again, equal to an older one it is', () => {
    given(created, published(1)).when(publish(1)).thenNothing()
    given(created, published(1), published(2))
      .when(publish(1))
      .then([published(3, 1)])
  })
  test('is told apart by its digest also when its texts are erased', () => {
    const erased: AgentEvent = {
      type: 'AgentVersionPublished',
      data: {
        ...version,
        agentId,
        owner,
        version: 1,
        digest: digest(1),
        systemPrompt: ERASED,
        promptTemplate: ERASED,
      },
    }
    given(created, erased).when(publish(1)).thenNothing()
  })
  test('may be published on an agent that is not active', () => {
    given(created, deactivated)
      .when(publish(1))
      .then([published(1), labelled('production', 1)])
  })
  test('is refused with what is wrong with its template', () => {
    given(created)
      .when(publish(1, { systemPrompt: 'In\n {{tone}}' }))
      .thenRefused('template_invalid', {
        problems: [
          {
            code: 'undeclared_variable',
            in: 'system_prompt',
            name: 'tone',
            offset: 4,
            line: 2,
            column: 2,
          },
        ],
      })
  })
  test('has at most 128 KiB of prompts, in bytes', () => {
    const input = '{{input}}'
    const full = 'é'.repeat((MAX_PROMPT_BYTES - input.length - 1) / 2)
    const fits = { systemPrompt: full, promptTemplate: `${input}.` }
    expect(given(created).when(publish(1, fits)).events()).toHaveLength(2)
    given(created)
      .when(publish(1, { ...fits, promptTemplate: `${input}..` }))
      .thenRefused('prompt_too_large', {
        bytes: MAX_PROMPT_BYTES + 1,
        limitBytes: MAX_PROMPT_BYTES,
      })
  })
})

describe('a label', () => {
  const two = [created, published(1), labelled('production', 1), published(2)]
  test('moves to a version that exists', () => {
    given(...two)
      .when({ type: 'MoveAgentLabel', label: 'production', version: 2 })
      .then([labelled('production', 2)])
    given(...two)
      .when({ type: 'MoveAgentLabel', label: 'canary', version: 2 })
      .then([labelled('canary', 2)])
    given(...two)
      .when({ type: 'MoveAgentLabel', label: 'production', version: 1 })
      .thenNothing()
  })
  test.each([0, 3, -1])('does not move to version %i', (n) => {
    given(...two)
      .when({ type: 'MoveAgentLabel', label: 'production', version: n })
      .thenRefused('version_not_found', { version: n, latest: 2 })
  })
  test('chooses the version of a call', () => {
    const now = state(...two, labelled('canary', 2))
    expect(versionForCall(now, owner).version).toBe(1)
    expect(versionForCall(now, owner, 'canary')).toMatchObject({ version: 2, ...version })
    expect(versionForCall(state(...two, labelled('production', 2)), owner).version).toBe(2)
  })
  test('that is not there chooses nothing', () => {
    expect(refusedWith(() => versionForCall(state(...two), owner, 'canary'))).toBe(
      'label_not_found',
    )
    expect(refusedWith(() => versionForCall(state(created), owner))).toBe('label_not_found')
  })
  test('chooses nothing while the agent is inactive', () => {
    expect(refusedWith(() => versionForCall(state(...two, deactivated), owner))).toBe(
      'agent_inactive',
    )
    expect(versionForCall(state(...two, deactivated, activated), owner).version).toBe(1)
  })
})

describe('tenants', () => {
  test("another organization's agent answers as one that does not exist", () => {
    const now = state(created, deactivated)
    expect(refusedWith(() => versionForCall(now, stranger))).toBe('agent_not_found')
    expect(refusedWith(() => versionForCall(undefined, owner))).toBe('agent_not_found')
    expect(mayUseAgent(now, stranger)).toBe(false)
    expect(mayUseAgent(now, owner)).toBe(true)
  })
  test("every organization may use the platform's", () => {
    const platform = state({ type: 'AgentCreated', data: { ...identity, owner: 'platform' } })
    expect(mayUseAgent(platform, stranger)).toBe(true)
  })
})

describe('the settings of a call', () => {
  const defaults = { modelName: 'small', maxTokens: 500, temperature: 0.7 }
  test('are the defaults where the version has none', () => {
    expect(settingsOf(version, defaults)).toEqual({
      models: ['small'],
      maxTokens: 500,
      temperature: 0.7,
    })
    expect(settingsOf(version, { modelName: 'small', maxTokens: 5 })).toEqual({
      models: ['small'],
      maxTokens: 5,
    })
  })
  test("are the version's own where it has them, also a temperature of 0", () => {
    const own = { ...version, modelName: 'big', maxTokens: 9, temperature: 0, fallbacks: ['small'] }
    expect(settingsOf(own, defaults)).toEqual({
      models: ['big', 'small'],
      maxTokens: 9,
      temperature: 0,
    })
  })
  test('try no model twice', () => {
    expect(settingsOf({ fallbacks: ['small', 'other'] }, defaults).models).toEqual([
      'small',
      'other',
    ])
  })
})

describe('the stored contract', () => {
  test('gives every field a data class, and only the prompts are content', () => {
    const classes = Object.values(agentEvents).flatMap(({ schema }) =>
      Object.entries(schema.shape).map(([name, field]) => [name, dataClassOf(field)?.class]),
    )
    expect(classes.filter(([, one]) => one !== 'clear')).toEqual([
      ['systemPrompt', 'content'],
      ['promptTemplate', 'content'],
    ])
  })
  test('takes what the decider writes', () => {
    for (const event of given()
      .when({ ...create, publish: { version, digest: digest(1) } })
      .events())
      expect(agentEvents[event.type].schema.safeParse(event.data).error).toBeUndefined()
  })
  test.each([
    [0, true],
    [0.29, true],
    [0.57, true],
    [2, true],
    [0.005, false],
    [2.01, false],
    [-0.1, false],
  ])('temperature %d: %s', (temperature, ok) => {
    expect(agentVersionInput.safeParse({ ...version, temperature }).success).toBe(ok)
  })
  test('the text of a version differs exactly where the version does', () => {
    const text = fc.string({ maxLength: 4 })
    const some = fc
      .record({
        systemPrompt: text,
        promptTemplate: text,
        store: fc.boolean(),
        abortPolicy: fc.constantFrom('drain', 'cancel_free'),
        fallbacks: fc.array(fc.constantFrom('a', 'b'), { maxLength: 2 }),
        variables: fc.array(
          fc.record({ name: text, required: fc.boolean(), maxLength: fc.nat(2) }),
          { maxLength: 2 },
        ),
      })
      .map((change) => ({ ...version, ...change }))
    fc.assert(
      fc.property(some, some, (a, b) => {
        expect(versionText(a) === versionText(b)).toBe(same(a, b))
        expect(versionText({ ...a, temperature: 0 })).not.toBe(versionText(a))
        expect(versionText({ ...a, maxTokens: 1 })).not.toBe(versionText(a))
        expect(versionText({ ...a, modelName: 'a' })).not.toBe(versionText(a))
        expect(versionText({ ...a, onProviderFailure: 'charge_delivered' })).not.toBe(
          versionText(a),
        )
      }),
    )
  })
})
