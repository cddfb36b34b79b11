/** `events`, `stream`, `tree`: lines for people, each event as stored for machines (`--json`). */
import { type Command, InvalidArgumentError } from 'commander'
import type { ActorRef } from '../../domain/metadata.ts'
import type { Layout } from '../print.ts'
import { answer, example } from './command.ts'

export function count(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('Give a whole number from 1.')
  return Number(text)
}
function position(text: string): string {
  if (!/^\d{1,18}$/.test(text)) throw new InvalidArgumentError('Give a position: a whole number.')
  return text
}
function moment(text: string): string {
  const time = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?Z)?$/.test(text)
    ? new Date(text)
    : undefined
  if (!time || Number.isNaN(time.getTime()))
    throw new InvalidArgumentError('Give a day as 2026-11-23 or a time as 2026-11-23T10:00:00Z.')
  return time.toISOString()
}
const matching = (pattern: RegExp, wanted: string) => (text: string) => {
  if (!pattern.test(text)) throw new InvalidArgumentError(`Give ${wanted}.`)
  return text
}
const streamName = matching(/^[a-z][A-Za-z]*-\S+$/, 'a stream, as account-org_…')
const organizationId = matching(/^org_[0-9a-hjkmnp-tv-z]{26}$/, 'the id of an organization, org_…')
const eventType = matching(/^[A-Z][A-Za-z]*$/, 'a type of event, as HoldSettled')
const streamCategory = matching(/^[a-z][A-Za-z]*$/, 'a kind of stream, as account')

interface Shown {
  readonly position: string
  readonly stream: string
  readonly revision: number
  readonly type: string
  readonly metadata: { readonly recordedAt: string; readonly actor: ActorRef }
}
const by = (actor: ActorRef): string => {
  if ('id' in actor) return actor.id
  return 'name' in actor ? actor.name : actor.kind
}
const when = (time: string): string => time.slice(0, 19).replace('T', ' ')

const TYPE = 24
const STREAM = 41
/** As they come: a log is long, and may be followed. */
const lines: Layout = {
  kind: 'lines',
  empty: 'No event matches.',
  head: [
    'Position'.padStart(9),
    'When (UTC)'.padEnd(19),
    'Event'.padEnd(TYPE),
    'Stream'.padEnd(STREAM),
    'By',
  ],
  cells(row) {
    // Written by the operation of the same name.
    const { position: place, type, stream, metadata } = row as unknown as Shown
    return [
      place.padStart(9),
      when(metadata.recordedAt),
      type.padEnd(TYPE),
      stream.padEnd(STREAM),
      by(metadata.actor),
    ]
  },
}
const streamLines: Layout = {
  kind: 'lines',
  empty: '',
  head: ['Revision', 'When (UTC)'.padEnd(19), 'Event'.padEnd(TYPE), 'By'],
  cells(row) {
    const { revision, type, metadata } = row as unknown as Shown
    return [
      String(revision).padStart(8),
      when(metadata.recordedAt),
      type.padEnd(TYPE),
      by(metadata.actor),
    ]
  },
}
const treeLines: Layout = {
  kind: 'lines',
  empty: '',
  head: ['What happened'.padEnd(32), 'When (UTC)'.padEnd(19), 'Stream'.padEnd(STREAM), 'By'],
  cells(row) {
    const { type, stream, metadata } = row as unknown as Shown
    const name = `${'  '.repeat(Number(row['depth']))}${type}`
    return [name.padEnd(32), when(metadata.recordedAt), stream.padEnd(STREAM), by(metadata.actor)]
  },
}

const SEALED = `
With --json each line is an event as it is stored: what is sealed stays sealed.`

export function auditCommands(program: Command): void {
  program
    .command('events')
    .description('what happened, from the beginning of the log')
    .option('--category <kind>', 'only streams of this kind, such as account', streamCategory)
    .option('--stream <name>', 'only this stream, such as account-org_…', streamName)
    .option('--type <event>', 'only events of this type, such as HoldSettled', eventType)
    .option('--actor <who>', 'only by this user, key or worker, or by operator or anonymous')
    .option('--organization <id>', 'only facts of this organization', organizationId)
    .option('--correlation <request>', 'only what this request (X-Request-Id) wrote')
    .option('--from <time>', 'only since this day or time (UTC)', moment)
    .option('--to <time>', 'only before this day or time (UTC)', moment)
    .option('--after <position>', 'only what stands after this position', position)
    .option('--limit <number>', 'at most so many', count)
    .option('--follow', 'go on with what is written from now on, until Ctrl-C')
    .addHelpText(
      'after',
      SEALED +
        example(
          'events --type HoldSettled --from 2026-11-01 --limit 10',
          '--json events --follow | jq -c "[.position, .type]"',
        ),
    )
    .action((options: { follow?: true }, command: Command) =>
      answer(command, 'events', { ...options, follow: options.follow === true }, lines),
    )
  program
    .command('stream')
    .description('what happened to one thing, from its beginning')
    .argument('<name>', 'a stream, such as account-org_… or invocation-inv_…', streamName)
    .option('--limit <number>', 'at most so many', count)
    .addHelpText('after', SEALED + example('stream organization-org_01…'))
    .action((name: string, options: object, command: Command) =>
      answer(command, 'stream', { name, ...options }, streamLines),
    )
  program
    .command('tree')
    .description('what one request made happen, each event under what caused it')
    .argument('<request>', 'its X-Request-Id')
    .option('--organization <id>', 'only facts of this organization', organizationId)
    .addHelpText('after', SEALED + example('tree 3f1c0f0e-…'))
    .action((request: string, options: object, command: Command) =>
      answer(command, 'tree', { request, ...options }, treeLines),
    )
}
