/** `admin` and `user`. */
import type { Command } from 'commander'
import { askPassword } from '../password.ts'
import { ask } from '../perform.ts'
import type { Layout } from '../print.ts'
import { answer, example } from './command.ts'

const USER = 'a user’s id (usr_…) or e-mail address'

const changed = (done: string, already: string): Layout => ({
  kind: 'sentence',
  text: (row) => `${String(row['user_id'])} ${row['changed'] === true ? done : already}`,
})

export function peopleCommands(program: Command): void {
  const admin = program.command('admin').description('who administers the installation')
  admin
    .command('create')
    .description('make an administrator: a new person, or one who is registered')
    .requiredOption('--email <address>', 'their e-mail address')
    .option('--locale <language>', 'the language they are spoken to', 'en')
    .addHelpText(
      'after',
      `
The password is asked for at the terminal, or read from the first line of
standard input; never give it as an argument. Somebody who is registered keeps
their password and none is asked for.
${example(
  'admin create --email you@example.com',
  'admin create --email you@example.com < password.txt',
)}`,
    )
    .action(async (options: { email: string; locale: string }, command: Command) => {
      const { email, locale } = options
      const [found] = await ask({ name: 'admin.known', input: { email } })
      const password = found?.['known'] === true ? '' : await askPassword()
      await answer(
        command,
        'admin.create',
        { email, locale, password },
        {
          kind: 'sentence',
          text: (row) =>
            row['created'] === true
              ? `Administrator ${String(row['email'])} can sign in (${String(row['user_id'])}).`
              : `${String(row['email'])} was registered (${String(row['user_id'])}) and is an administrator now.`,
        },
      )
    })
  userCommands(program.command('user').description('find people, stop them, let them in again'))
}

function userCommands(user: Command): void {
  user
    .command('find')
    .description('show a person')
    .argument('<user>', USER)
    .addHelpText('after', example('user find ada@example.com'))
    .action((who: string, _options, command: Command) =>
      answer(
        command,
        'user.find',
        { user: who },
        {
          kind: 'details',
          fields: [
            ['user_id', 'User'],
            ['email', 'E-mail'],
            ['email_verified', 'Verified'],
            ['status', 'Status'],
            ['roles', 'Platform roles'],
            ['locale', 'Language'],
            ['registered_at', 'Registered'],
            ['personal_org_id', 'Own organization'],
          ],
        },
      ),
    )
  user
    .command('deactivate')
    .description('refuse a person from their next request on; ends their sessions')
    .argument('<user>', USER)
    .option('--reason <text>', 'kept sealed with the person’s data')
    .action((who: string, { reason }: { reason?: string }, command: Command) =>
      answer(
        command,
        'user.deactivate',
        { user: who, ...(reason !== undefined && { reason }) },
        changed('is deactivated.', 'was deactivated already.'),
      ),
    )
  user
    .command('reactivate')
    .description('let a deactivated person in again')
    .argument('<user>', USER)
    .action((who: string, _options, command: Command) =>
      answer(
        command,
        'user.reactivate',
        { user: who },
        changed('is active.', 'was active already.'),
      ),
    )
  user
    .command('set-password')
    .description('give a person a new password; ends their sessions')
    .argument('<user>', USER)
    .addHelpText(
      'after',
      '\nThe password is asked for at the terminal, or read from standard input.',
    )
    .action(async (who: string, _options, command: Command) => {
      await ask({ name: 'user.find', input: { user: who } })
      const password = await askPassword('New password')
      await answer(
        command,
        'user.set-password',
        { user: who, password },
        changed('has a new password; their sessions have ended.', ''),
      )
    })
}
