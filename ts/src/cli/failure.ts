/** Errors of the command line and how any error becomes one line. The library's own errors are in ../errors.ts. */

/** The command line itself is wrong: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** A file that is missing, unreadable or not what it should be: exit code 1. */
export class FileError extends Error {
  override readonly name = 'FileError';
}

const LONGEST_LINE = 400;

/** Any text on one line. */
export function oneLine(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE - 3)}...` : line;
}

/** An error as one line for the terminal, without its stack. */
export function describe(error: unknown): string {
  return oneLine(error instanceof Error ? error.message || error.name : String(error));
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  ENOTDIR: 'no such file',
  EISDIR: 'a folder, not a file',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the disk is read-only',
  ENOSPC: 'the disk is full',
  ENAMETOOLONG: 'the name is too long',
};

/** What the operating system said about `path`, in words. */
export function fileError(what: string, path: string, error: unknown): FileError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return new FileError(`${what} ${path}: ${REASONS[code] ?? describe(error)}`, { cause: error });
}

/** Runs `read`, and puts the file's path in front of what it throws: the library's errors know no paths. */
export function inFile<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new FileError(`${path}: ${describe(error)}`, { cause: error });
  }
}
