/**
 * Writes whole files or none: under a name of their own beside the target, synced, then renamed. What was there stays until the new file is
 * complete, and neither an error nor a signal that ends the process leaves a part of one. Errors are the operating system's own.
 */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fchmodSync,
  fchownSync,
  fsync,
  openSync,
  renameSync,
  rmSync,
  type Stats,
  writeFile,
} from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { dirname, join, parse } from 'node:path';
import { promisify } from 'node:util';
import { isCode } from './failure.js';

const write = promisify(writeFile);
const sync = promisify(fsync);

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Temporary files that are there now. */
const temporaries = new Set<string>();

function remove(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // It must not hide the error that led here.
  }
}

function removeAll(signal: NodeJS.Signals): void {
  for (const temporary of temporaries) remove(temporary);
  for (const one of SIGNALS) process.off(one, removeAll);
  // Without a listener it ends the process, as whoever sent it expects.
  process.kill(process.pid, signal);
}

/**
 * Writes a temporary file into `folder`, like the file `old` in mode and, where that is allowed, owner. `place` renames it;
 * it is synchronous, so that no signal comes between its steps. A file that is not renamed is removed.
 */
async function withTemporary<T>(
  folder: string,
  bytes: Uint8Array,
  old: Stats | null,
  place: (temporary: string) => T,
): Promise<T> {
  const temporary = join(folder, `.gouache-${randomBytes(8).toString('hex')}.tmp`);
  if (temporaries.size === 0) for (const signal of SIGNALS) process.on(signal, removeAll);
  // Known before it is there, and made synchronously: a signal finds it.
  temporaries.add(temporary);
  try {
    const fd = openSync(temporary, 'wx');
    try {
      if (old !== null) {
        try {
          fchownSync(fd, old.uid, old.gid);
        } catch {
          // Only root gives files away.
        }
        fchmodSync(fd, old.mode & 0o777);
      }
      await write(fd, bytes);
      await sync(fd);
    } finally {
      closeSync(fd);
    }
    return place(temporary);
  } finally {
    remove(temporary);
    temporaries.delete(temporary);
    if (temporaries.size === 0) for (const signal of SIGNALS) process.off(signal, removeAll);
  }
}

/** Fails as writing a file into `folder` would, without leaving one. */
export function tryFolder(folder: string): Promise<void> {
  return withTemporary(folder, new Uint8Array(0), null, () => {});
}

/**
 * Writes the file `path`, in place of what may be there: through links, and straight into a device or a pipe, which a file must not replace.
 * Says whether a file was replaced.
 */
export async function replaceFile(path: string, bytes: Uint8Array): Promise<boolean> {
  let old: Stats | null = null;
  let target = path;
  try {
    old = await stat(path);
    target = await realpath(path);
  } catch (error) {
    if (!isCode(error, 'ENOENT')) throw error;
  }
  if (old !== null && !old.isFile()) {
    await write(path, bytes);
    return false;
  }
  await withTemporary(dirname(target), bytes, old, (temporary) => renameSync(temporary, target));
  return old !== null;
}

/** `path` for the first file of its name, `name-2.png` for the second, and so on. */
export function numbered(path: string, count: number): string {
  const { dir, name, ext } = parse(path);
  return count === 1 ? path : join(dir, `${name}-${count}${ext}`);
}

/**
 * Writes a new file, `path` or its first numbered kin that nobody has taken, and gives its path. Of several processes each gets a name of its own.
 * An empty file holds the name until the rename: link() would need none, but not every file system has links.
 */
export function createFile(path: string, bytes: Uint8Array): Promise<string> {
  return withTemporary(dirname(path), bytes, null, (temporary) => {
    for (let count = 1; ; count++) {
      const free = numbered(path, count);
      try {
        closeSync(openSync(free, 'wx'));
      } catch (error) {
        if (isCode(error, 'EEXIST')) continue;
        throw error;
      }
      try {
        renameSync(temporary, free);
      } catch (error) {
        remove(free);
        throw error;
      }
      return free;
    }
  });
}
