/** The folder of models and cases that do not lie in the repository: GOUACHE_DATA names it. A file that is missing is a failure, never a skip. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = process.env.GOUACHE_DATA ?? '';

/** The path of a file in the folder. */
export function dataPath(file: string): string {
  return join(folder, file);
}

/** The bytes of a file in the folder. */
export function readData(file: string): Uint8Array {
  if (folder === '') throw new Error('GOUACHE_DATA is not set');
  if (!existsSync(dataPath(file))) throw new Error(`GOUACHE_DATA has no ${file}`);
  return readFileSync(dataPath(file));
}
