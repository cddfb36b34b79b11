/** `backup`, `backup verify`, `restore`. */
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { OperationFailed } from '../operation.ts'
import { createPrinter, type Layout } from '../print.ts'
import { answer, example, wantsJson } from './command.ts'

const report = (done: string): Layout => ({
  kind: 'sentence',
  text: (row) => {
    const megabytes = (Number(row['bytes']) / 1_000_000).toFixed(1)
    return (
      `${done} ${String(row['directory'])}\n` +
      `  ${String(row['events'])} events, ${String(row['contents'])} texts, ` +
      `${String(row['keys'])} keys, ${megabytes} MB, of ${String(row['at'])}`
    )
  },
})

const KEEP = `
DIR/log holds the events and the sealed texts, DIR/keys what opens them. Keep
the two apart, and of DIR/keys only the newest: an older one would bring back
what was erased.`

export function backupCommands(program: Command): void {
  const backup = program
    .command('backup')
    .description('copy log and keys while the server runs; check a copy')
    .argument('<dir>', 'a new or empty directory')
    .addHelpText(
      'after',
      `${KEEP}\n${example('backup /backups/2026-01-31', 'backup verify /backups/2026-01-31')}`,
    )
    .action(async (directory: string, _options, command: Command) => {
      await refusable(
        answer(command, 'backup', { directory: resolve(directory) }, report('Backed up to')),
      )
    })
  backup
    .command('verify')
    .description('check every byte, page and event of a backup')
    .argument('<dir>', 'a directory that backup has made')
    .action(async (directory: string, _options, command: Command) => {
      const { verifyBackup } = await import('../../app.ts')
      const found = await refusable(verifyBackup(resolve(directory)))
      show(command, { directory, ...found }, 'Whole:')
    })
  program
    .command('restore')
    .description('put a backup into a new data directory')
    .argument('<dir>', 'a directory that backup has made')
    .requiredOption('--into <dir>', 'a new or empty directory; then start with DATA_DIR=<dir>')
    .addHelpText('after', example('restore /backups/2026-01-31 --into ./data'))
    .action(async (directory: string, { into }: { into: string }, command: Command) => {
      const { restoreBackup } = await import('../../app.ts')
      const restored = await refusable(restoreBackup(resolve(directory), resolve(into)))
      show(command, { directory: into, ...restored }, 'Restored into')
    })
}

/** A directory that will not do is a refusal here, not a fault of the installation. */
async function refusable<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (error instanceof Error && error.name === 'StoreRefused')
      throw new OperationFailed(error.message)
    throw error
  }
}

function show(command: Command, row: Readonly<Record<string, unknown>>, done: string): void {
  const printer = createPrinter(report(done), { json: wantsJson(command) })
  printer.tell({ kind: 'row', row })
  printer.end(true)
}
