/** `projections`, `invariants`. */
import type { Command } from 'commander'
import { answer, example } from './command.ts'

export function logCommands(program: Command): void {
  projectionCommands(program.command('projections').description('the views made from the log'))
  program
    .command('invariants')
    .description('check every promise about money, calls, people and views over the whole log')
    .addHelpText(
      'after',
      '\nExit code 1 where a promise is broken. Reads only; the server goes on meanwhile.',
    )
    .action((_options, command: Command) =>
      answer(
        command,
        'invariants',
        {},
        {
          kind: 'table',
          empty: '',
          columns: [
            { key: 'invariant', title: '' },
            { key: 'promise', title: 'Promise', flexible: true },
            {
              key: 'violations',
              title: 'Kept',
              show: (value) => (value === 0 ? 'yes' : `NO: ${String(value)}`),
            },
          ],
        },
      ),
    )
}

function projectionCommands(projections: Command): void {
  projections
    .command('status')
    .description('how far each view has come')
    .action((_options, command: Command) =>
      answer(
        command,
        'projections.status',
        {},
        {
          kind: 'table',
          empty: 'There are no views.',
          columns: [
            { key: 'name', title: 'View' },
            { key: 'version', title: 'Version', right: true },
            { key: 'position', title: 'Position', right: true },
            { key: 'behind', title: 'Behind', right: true },
            { key: 'state', title: 'State', flexible: true },
          ],
        },
      ),
    )
  projections
    .command('rebuild')
    .description('fill a view anew from the log beside the served one, then switch')
    .argument('[name]', 'the view; all of them where left out')
    .addHelpText('after', example('projections rebuild', 'projections rebuild open-holds'))
    .action((name: string | undefined, _options, command: Command) =>
      answer(command, 'projections.rebuild', name === undefined ? {} : { name }, {
        kind: 'table',
        empty: 'There are no views.',
        columns: [
          { key: 'name', title: 'Rebuilt' },
          { key: 'events', title: 'Events', right: true },
          { key: 'seconds', title: 'Seconds', right: true },
        ],
      }),
    )
}
