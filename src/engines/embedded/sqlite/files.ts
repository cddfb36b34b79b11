/** Files that are on the disk when these functions return, and the kind of file system they are on. */
import { execFileSync } from 'node:child_process'
import { closeSync, fsyncSync, openSync, readFileSync, realpathSync, writeSync } from 'node:fs'

/** Writes a new file and syncs it. Its name is durable only after syncDirectory. */
export function writeDurably(path: string, bytes: Uint8Array, mode: number): void {
  const file = openSync(path, 'wx', mode)
  try {
    writeSync(file, bytes)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

export function syncFile(path: string): void {
  const file = openSync(path, 'r+')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** Makes names in a directory durable. */
export function syncDirectory(path: string): void {
  const directory = openSync(path, 'r')
  try {
    fsyncSync(directory)
  } finally {
    closeSync(directory)
  }
}

/** Locks and shared memory do not hold across machines, and a sync may not reach a disk. */
const NETWORK = new Set(
  `nfs nfs4 cifs smb smb2 smb3 smbfs afpfs webdav davfs 9p afs ceph coda ncpfs lustre glusterfs
   ocfs2 gfs2 vboxsf virtiofs`.split(/\s+/),
)
/** Local file systems that happen to run outside the kernel. */
const LOCAL_FUSE = new Set(['fuse.fuse-overlayfs', 'fuseblk'])

/** The type of the network file system that holds a directory; undefined for a local disk. */
export function networkFileSystem(directory: string, mounts = mountTable()): string | undefined {
  const path = realpathSync(directory)
  let best: Mount | undefined
  for (const mount of mounts) {
    const inside =
      path === mount.point || path.startsWith(mount.point === '/' ? '/' : `${mount.point}/`)
    // The last one mounted on a point hides those before it.
    if (inside && mount.point.length >= (best?.point.length ?? 0)) best = mount
  }
  if (best === undefined || LOCAL_FUSE.has(best.type)) return undefined
  return NETWORK.has(best.type) || best.type.startsWith('fuse') ? best.type : undefined
}

interface Mount {
  readonly point: string
  readonly type: string
}

/** What is mounted where; empty where the system does not say. */
function mountTable(): Mount[] {
  try {
    if (process.platform === 'linux')
      return parseMountInfo(readFileSync('/proc/self/mountinfo', 'utf8'))
    if (process.platform === 'darwin') {
      return parseMountCommand(execFileSync('/sbin/mount', { encoding: 'utf8' }))
    }
  } catch {
    return []
  }
  return []
}

/** Linux, proc(5): `36 35 98:0 /root /mnt rw,noatime master:1 - ext4 /dev/sda1 rw`. */
export function parseMountInfo(text: string): Mount[] {
  return text.split('\n').flatMap((line) => {
    const [left = '', right = ''] = line.split(' - ')
    const point = left.split(' ')[4]
    const type = right.split(' ')[0]
    if (!point || !type) return []
    return [{ point: point.replaceAll(/\\([0-7]{3})/g, (_, o) => octal(String(o))), type }]
  })
}

const octal = (digits: string) => String.fromCodePoint(Number.parseInt(digits, 8))

/** macOS, mount(8): `//host/share on /Volumes/share (smbfs, nodev, nosuid)`. */
export function parseMountCommand(text: string): Mount[] {
  return text.split('\n').flatMap((line) => {
    const [, point, type] = /^.* on (\/.*) \(([^,)]+)/.exec(line) ?? []
    return point && type ? [{ point, type }] : []
  })
}
