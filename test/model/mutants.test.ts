/** Model files with small damages, thousands of them and others in each run: what reads or loads one takes it, or throws a typed error. */
import { readdirSync, readFileSync } from 'node:fs';
import { CycleGANGenerator, GouacheError, loadModel, readSafetensors } from 'gouache';
import { expect, test } from 'vitest';
import { random } from '../ops/array.js';

const MUTANTS = 700;
const LENGTH_BYTES = 8;
const folder = new URL('../golden/networks/checkpoints/good/', import.meta.url);
const seed = Date.now() % 2 ** 32;
console.log(`mutants of model files: seed ${seed}`);

type Next = () => number;

const below = (next: Next, count: number): number => Math.floor(next() * count);

/** JSON that may stand where something else belongs. */
const VALUES = [
  'null',
  'true',
  '""',
  '"I32"',
  '"F4"',
  '"\\u001b[2J\\u0000\\ud800"',
  `"${'x'.repeat(50_000)}"`,
  '{}',
  '[]',
  '[0,0]',
  '[4,0]',
  `[${'1,'.repeat(50_000)}1]`,
  '-1',
  '0',
  '0.5',
  '4',
  '4294967296',
  '9007199254740992',
  '1e999',
  '['.repeat(7000) + ']'.repeat(7000),
  `${'{"__proto__":'.repeat(7000)}1${'}'.repeat(7000)}`,
] as const;

/** Stands in the header for VALUES[index] until it is text. */
const standIn = (index: number): string => `@${index}@`;

/** Replaces, reverses, renames or drops something in the header. With another name or a reversed shape it can still be read, and fails to load. */
function mutateHeader(header: Record<string, unknown>, next: Next): void {
  let holder = header;
  for (;;) {
    const keys = Object.keys(holder);
    const key = keys[below(next, keys.length)];
    if (key === undefined) return;
    const inner = holder[key];
    if (inner !== null && typeof inner === 'object' && next() < 0.5) {
      holder = inner as Record<string, unknown>;
      continue;
    }
    const way = below(next, 8);
    if (way < 4) {
      holder[key] = Array.isArray(inner) ? inner.reverse() : standIn(below(next, VALUES.length));
      return;
    }
    delete holder[key];
    if (way > 4) holder[`${'netG._'.slice(below(next, 6))}${key}`] = inner;
    return;
  }
}

function withMutatedHeader(good: Uint8Array, dataStart: number, next: Next): Uint8Array {
  const header = JSON.parse(new TextDecoder().decode(good.subarray(LENGTH_BYTES, dataStart)));
  for (let changes = 1 + below(next, 2); changes > 0; changes--) mutateHeader(header, next);
  const json = JSON.stringify(header).replace(/"@(\d+)@"/g, (_, index) => VALUES[index] ?? '');
  const text = new TextEncoder().encode(json);
  const bytes = new Uint8Array(LENGTH_BYTES + text.length + good.length - dataStart);
  new DataView(bytes.buffer).setUint32(0, text.length, true);
  bytes.set(text, LENGTH_BYTES);
  bytes.set(good.subarray(dataStart), LENGTH_BYTES + text.length);
  return bytes;
}

/** Changes or drops bytes, most of them in the header. */
function withMutatedBytes(good: Uint8Array, dataStart: number, next: Next): Uint8Array {
  const bytes = good.slice();
  const place = below(next, next() < 0.9 ? dataStart : bytes.length);
  switch (below(next, 4)) {
    case 0:
      return bytes.subarray(0, place);
    case 1:
      return bytes.copyWithin(place, below(next, dataStart), dataStart);
    case 2:
      bytes[below(next, LENGTH_BYTES)] = below(next, 256);
      return bytes;
    default:
      bytes[place] = below(next, 256);
      return bytes;
  }
}

test.each(readdirSync(folder))('mutants of %s', (name) => {
  const good = Uint8Array.from(readFileSync(new URL(name, folder)));
  const dataStart = LENGTH_BYTES + new DataView(good.buffer).getUint32(0, true);
  const next = random(seed + name.length);
  const counts = { read: 0, refused: 0 };
  for (let round = 0; round < MUTANTS; round++) {
    const mutate = next() < 0.6 ? withMutatedHeader : withMutatedBytes;
    const bytes = mutate(good, dataStart, next);
    const load = (strict: boolean) => () => {
      const { tensors } = readSafetensors(bytes);
      counts.read++;
      new CycleGANGenerator({ ngf: 8, nBlocks: 2 }).loadStateDict(tensors, { strict });
    };
    for (const body of [() => loadModel(bytes), load(true), load(false)]) {
      try {
        body();
      } catch (error) {
        counts.refused++;
        if (!(error instanceof GouacheError))
          throw new Error(`mutant ${round} of seed ${seed}`, { cause: error });
        expect(error.message.length, `mutant ${round} of seed ${seed}`).toBeLessThan(5000);
      }
    }
  }
  expect(counts.read).toBeGreaterThan(MUTANTS / 20);
  expect(counts.refused).toBeGreaterThan(MUTANTS);
});
