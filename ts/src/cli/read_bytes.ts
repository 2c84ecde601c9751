/** Reads what a command line names, a file or a pipe, whole and up to a size. */
import { open } from 'node:fs/promises';
import { FileError, fileError } from './failure.js';

/** More than a photo or a model that fits the engine's memory has. */
const MOST_BYTES = 2 ** 30;

/**
 * The bytes of a file or pipe.
 * @param what how an error's message begins, such as 'cannot read'
 * @throws {@link FileError} when it cannot be opened, is a folder or a device, or holds more than 1 GiB
 */
export async function readBytes(what: string, path: string): Promise<Uint8Array> {
  const refused = (why: string) => new FileError(`${what} ${path}: ${why}`);
  const tooLarge = () => refused(`larger than ${MOST_BYTES / 2 ** 30} GiB, the most that is read`);
  try {
    const file = await open(path);
    try {
      const stat = await file.stat();
      // Devices may have no end: /dev/zero has none.
      if (stat.isCharacterDevice() || stat.isBlockDevice()) throw refused('a device, not a file');
      if (stat.size > MOST_BYTES) throw tooLarge();
      const chunks: Buffer[] = [];
      let length = 0;
      for await (const chunk of file.createReadStream({ autoClose: false, highWaterMark: 2 ** 20 })) {
        chunks.push(chunk);
        length += chunk.length;
        if (length > MOST_BYTES) throw tooLarge();
      }
      return Buffer.concat(chunks, length);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw error instanceof FileError ? error : fileError(what, path, error);
  }
}
