/** Programs of their own processes that import gouache, for what a test's process must not be put through. */
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

/** Runs a module and returns what it printed. `limits` are lines of the shell before it; `flags` are Node's. */
export async function printed(
  source: string,
  { flags = [], limits = '' }: { readonly flags?: readonly string[]; readonly limits?: string } = {},
): Promise<string> {
  const folder = fs.mkdtempSync(path.join(tmpdir(), 'gouache-'));
  try {
    const file = path.join(folder, 'program.mjs');
    // There the package has no name.
    fs.writeFileSync(file, source.replaceAll("from 'gouache'", `from '${import.meta.resolve('gouache')}'`));
    const node = [process.execPath, ...flags, file];
    const [command = '', ...args] =
      limits === '' ? node : ['sh', '-c', `${limits}; exec "$@"`, 'sh', ...node];
    return (await promisify(execFile)(command, args)).stdout;
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}
