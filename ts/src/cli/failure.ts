/** Errors of the command line and how any error is put into words. The library's own errors are in ../errors.ts, the terminal in terminal.ts. */
import { getSystemErrorMap } from 'node:util';

/** The command line itself is wrong: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** A file that is missing, unreadable or not what it should be: exit code 1. */
export class FileError extends Error {
  override readonly name = 'FileError';
}

/** Of the texts of others: some of sharp's fill a screen. */
const LONGEST_TEXT = 400;

/** An error in words, without its stack. What this command words itself stays as it is, since names in it may hold any white space. */
export function describe(error: unknown): string {
  if (error instanceof UsageError || error instanceof FileError) return error.message;
  const text = error instanceof Error ? error.message || error.name : String(error);
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > LONGEST_TEXT ? `${line.slice(0, LONGEST_TEXT - 3)}...` : line;
}

/** Whether an error is the operating system's, with one of `codes`. */
export function isCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or folder',
  ENOTDIR: 'no such file or folder',
  EISDIR: 'a folder, not a file',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the disk is read-only',
  ENOSPC: 'the disk is full',
  ENAMETOOLONG: 'the name is too long',
};

/** Node's message names the path again, the operating system's does not. */
function reason(error: unknown): string {
  const { code, errno } = error as NodeJS.ErrnoException;
  return REASONS[code ?? ''] ?? getSystemErrorMap().get(errno ?? 0)?.[1] ?? describe(error);
}

/** What the operating system said about `path`, in words. */
export function fileError(what: string, path: string, error: unknown): FileError {
  return new FileError(`${what} ${path}: ${reason(error)}`, { cause: error });
}

/** Runs `read`, and puts the file's path in front of what it throws: the library's errors know no paths. */
export function inFile<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new FileError(`${path}: ${describe(error)}`, { cause: error });
  }
}
