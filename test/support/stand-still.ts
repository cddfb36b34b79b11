/**
 * Stops a process where it stands, until SIGCONT. The signal is on its way when `kill` returns, and a
 * thread on another processor may still answer: it counts as stopped when every thread says so.
 */
import { type ChildProcess } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

export async function standStill(child: ChildProcess): Promise<void> {
  child.kill('SIGSTOP')
  while (!isStopped(child.pid ?? 0)) await delay(1)
}

/** Only Linux tells of threads; elsewhere the signal must do. */
function isStopped(pid: number): boolean {
  if (process.platform !== 'linux') return true
  const tasks = `/proc/${pid}/task`
  return readdirSync(tasks).every((task) => {
    const stat = readFileSync(`${tasks}/${task}/stat`, 'utf8')
    // The name before may hold anything, brackets too.
    return stat.slice(stat.lastIndexOf(')') + 2).startsWith('T')
  })
}
