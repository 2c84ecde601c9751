/** A process with little address space (ulimit -v): the error says what to do, and it helps. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const PROGRAM = `
import { Engine } from 'gouache';
try {
  const engine = await Engine.create(JSON.parse(process.argv[1]));
  console.log('runs');
  await engine.dispose();
} catch (error) {
  console.log(error.code + ': ' + error.message);
}`;

/** What the program prints when started by `node`, a part of a command line, with 8 GB of address space. */
async function printed(node: string, options: object): Promise<string> {
  const { stdout } = await promisify(execFile)('sh', [
    '-c',
    `ulimit -v 8000000; exec ${node} --input-type=module --eval "$0" "$1"`,
    PROGRAM,
    JSON.stringify(options),
  ]);
  return stdout.trim();
}

test.each([{}, { worker: false }, { threads: 1, maxMemoryBytes: 2 ** 24 }])(
  'Engine.create(%j)',
  async (options) => {
    const told = await printed('node', options);
    const [, node = ''] = /^out-of-memory: .* start: (node --\S+[^.\s])/.exec(told) ?? [told];
    expect(node, told).toMatch(/^node --/);
    expect(await printed(node, options)).toBe('runs');
  },
);
