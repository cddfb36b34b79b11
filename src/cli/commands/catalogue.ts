import type { Command } from 'commander'
export function catalogueCommands(_program: Command): void {}
