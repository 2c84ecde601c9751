/** Runs the built `gouache` command as a child process in a folder of its own, as a user would. */
import { execFile } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp, { type Sharp } from 'sharp';

export const PROGRAM = fileURLToPath(new URL('../../dist/bundle/cli/main.js', import.meta.url));

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command in `cwd`; never through a shell. */
export function gouache(cwd: string, args: readonly string[], program = PROGRAM): Promise<Outcome> {
  return outcome(process.execPath, [program, ...args], cwd);
}

function outcome(file: string, args: readonly string[], cwd: string): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(file, args, { cwd }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ code, stdout, stderr });
    });
  });
}

/** Runs the command in `cwd` as `"$0" "$@"` of a line for the shell: for pipes, limits and redirections. */
export function gouacheInShell(cwd: string, line: string, args: readonly string[]): Promise<Outcome> {
  return outcome('sh', ['-c', line, process.execPath, PROGRAM, ...args], cwd);
}

/** A new folder that `remove` deletes. */
export function makeFolder(): { readonly path: string; remove(): void } {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'gouache-test-')));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export interface Pixels {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: number;
}

/** The decoded pixels of a file, as they are stored. */
export async function readPixels(path: string): Promise<Pixels> {
  const { data, info } = await sharp(path).raw().toBuffer({ resolveWithObject: true });
  return { data: new Uint8Array(data), width: info.width, height: info.height, channels: info.channels };
}

/** Smooth shapes and colours, 8-bit RGB: enough for a painting to show which pixels went in. */
export function makePixels(width: number, height: number): Pixels {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = (y * width + x) * 3;
      data[at] = (255 * x) / width;
      data[at + 1] = 128 + 100 * Math.sin((x + 2 * y) / 7);
      data[at + 2] = x + y < 40 ? 220 : (255 * y) / height;
    }
  }
  return { data, width, height, channels: 3 };
}

/** sharp over raw pixels. */
export function image({ data, width, height, channels }: Pixels): Sharp {
  return sharp(data, { raw: { width, height, channels: channels as 1 | 2 | 3 | 4 } });
}
