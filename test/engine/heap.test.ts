// JavaScript's heap: plans come and go, and leave it as it was. Asked of processes of their own, whose collector can be called.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const cwd = fileURLToPath(new URL('../..', import.meta.url));
const MOST_BYTES = 20e6;

/** Runs a network of twelve norms at 2000 sizes; prints what the heap takes after ten sizes, and after all. */
const manySizes = (options: string): string => `
  import { Engine, Tensor } from 'gouache';
  import * as nn from 'gouache/nn';
  const engine = await Engine.create(${options});
  const net = new nn.Sequential(...Array.from({ length: 12 }, () => new nn.InstanceNorm2d(4, { affine: true })));
  const heapBytes = () => {
    for (let time = 0; time < 4; time++) gc();
    return process.memoryUsage().heapUsed;
  };
  const runSizes = async (first, end) => {
    for (let index = first; index < end; index++) {
      const [height, width] = [4 + (index % 50), 4 + Math.floor(index / 50)];
      await engine.run(net, Tensor.from(new Float32Array(4 * height * width), [1, 4, height, width]));
    }
    return heapBytes();
  };
  const few = await runSizes(0, 10);
  const many = await runSizes(10, 2000);
  process.stdout.write(JSON.stringify({ host: engine.info().host, few, many }));
  await engine.dispose();
`;

// With the host on the caller's thread the one heap holds what both keep. In a worker it has its own, under the same limit.
test.each([
  { host: 'caller', options: '{ worker: false }' },
  { host: 'worker', options: '{ threads: 1 }' },
])('2000 sizes take no more heap than the cache may keep: $options', async ({ host, options }) => {
  const flags = ['--expose-gc', '--max-old-space-size=128', '--input-type=module'];
  const program = [...flags, '--eval', manySizes(options)];
  const { stdout } = await promisify(execFile)(process.execPath, program, { cwd });
  const { few, many, ...rest } = JSON.parse(stdout);
  expect(rest).toEqual({ host });
  expect(many - few).toBeLessThan(MOST_BYTES);
});
