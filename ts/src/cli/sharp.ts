/** The package sharp, an optional peer that only the command needs: loaded when a picture is read or written. */
import type { Sharp, SharpOptions } from 'sharp';
import { describe, FileError } from './failure.js';

export type OpenSharp = (input: Uint8Array, options?: SharpOptions) => Sharp;

/** @throws {@link FileError} when it is not installed */
export async function loadSharp(): Promise<OpenSharp> {
  try {
    return (await import('sharp')).default;
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND';
    const reason = missing ? '' : `: ${describe(error)}`;
    const what = missing ? 'which is not installed' : 'which does not load';
    throw new FileError(
      `reading and writing pictures needs the package sharp, ${what} (npm install sharp)${reason}`,
      { cause: error },
    );
  }
}
