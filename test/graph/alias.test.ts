/** Memory as the steps of a placement leave it: no step writes what a later one still reads, whatever lies in whatever. */
import * as nn from 'gouache/nn';
import { describe, expect, test } from 'vitest';
import { stageGraph } from '../../dist/graph/compile.js';
import type { Place, Placement } from '../../dist/graph/place.js';
import type { Value } from '../../dist/graph/value.js';
import { traceModule } from '../../dist/nn/trace.js';
import { layoutBytes } from '../../dist/ops/layout.js';
import { random } from '../ops/array.js';

const { cat, relu, conv2d } = nn.functional;

const BLOCK_BYTES = 16;
const SIDE = 4;

const whole = (next: () => number, low: number, high: number): number =>
  low + Math.floor(next() * (high - low + 1));
const pick = <T>(next: () => number, list: readonly T[]): T => list[Math.floor(next() * list.length)] as T;

/** Values whose elements each 16 bytes of the arena hold. */
class Memory {
  readonly #held = new Map<number, ReadonlySet<number>>();

  #blocks(start: number, bytes: number): number[] {
    const [first, end] = [start / BLOCK_BYTES, Math.ceil((start + bytes) / BLOCK_BYTES)];
    return Array.from({ length: end - first }, (_, index) => first + index);
  }

  write(start: number, bytes: number, value: number): void {
    for (const block of this.#blocks(start, bytes)) this.#held.set(block, new Set([value]));
  }

  /** What lies there is the value's, too. */
  share(start: number, bytes: number, value: number): void {
    for (const block of this.#blocks(start, bytes))
      this.#held.set(block, new Set([...(this.#held.get(block) ?? []), value]));
  }

  holds(start: number, bytes: number, value: number): boolean {
    return this.#blocks(start, bytes).every((block) => this.#held.get(block)?.has(value));
  }
}

/** Plays the steps; gives the reads that did not find their value. */
function lost(placement: Placement): string[] {
  const { graph, layouts } = placement.laidOut;
  const memory = new Memory();
  const faults: string[] = [];
  const source = new Map<number, number>();
  for (const { op, inputs, outputs } of graph.nodes)
    if (op === 'view') source.set(outputs[0] ?? -1, inputs[0] ?? -1);
  const root = (id: number): number => (source.has(id) ? root(source.get(id) ?? -1) : id);
  const at = ({ buffer, offset }: Place): number | null => {
    const start = placement.buffers[buffer]?.offset_bytes;
    return start == null ? null : start + offset;
  };
  const bytes = (id: number): number => layoutBytes(layouts[id] ?? { kind: 'raw', bytes: 0 });
  const check = (id: number, place: Place, reader: string): void => {
    const start = at(place);
    if (start !== null && !memory.holds(start, bytes(id), root(id))) faults.push(`${reader} lost %${id}`);
  };
  graph.inputs.forEach(({ value }, index) => {
    const port = placement.inputs[index];
    if (port !== undefined) memory.write(at(port.place) ?? 0, bytes(value), value);
  });
  for (const { node, inputs, outputs } of placement.steps) {
    node.inputs.forEach((id, index) => {
      const place = inputs[index];
      if (id !== null && place != null) check(id, place, node.op);
    });
    const [output, place] = [node.outputs[0] ?? -1, outputs[0]];
    const start = place === undefined ? null : at(place);
    if (start === null) continue;
    if (node.op !== 'concat') {
      memory.write(start, bytes(output), output);
      continue;
    }
    let next = start;
    node.inputs.forEach((id, index) => {
      const part = inputs[index];
      const lies = part == null ? null : at(part);
      if (id === null) return;
      if (lies === next) memory.share(next, bytes(id), output);
      else memory.write(next, bytes(id), output);
      next += bytes(id);
    });
  }
  graph.outputs.forEach(({ value }, index) => {
    const port = placement.outputs[index];
    if (port !== undefined) check(value, port.place, 'the caller');
  });
  return faults;
}

/** A graph of convolutions, activations, sums and concatenations of whole blocks, in any order. */
function anyGraph(seed: number): (x: Value) => Value[] {
  const next = random(seed);
  return (x) => {
    const values: Value[] = [conv2d(x, new nn.Parameter([8, 4, 1, 1]))];
    for (let step = whole(next, 4, 14); step > 0; step--) {
      const a = pick(next, values);
      const [b, c] = [pick(next, values), pick(next, values)];
      const channels = a.shape[1] ?? 1;
      const made = [
        () => relu(a),
        () => relu(a, { inplace: true }),
        () => a.mul(0.5),
        () => conv2d(a, new nn.Parameter([4 * whole(next, 1, 3), channels, 1, 1])),
        () => (a.shape[1] === b.shape[1] ? a.add(b) : cat([a, b], 1)),
        () => cat([a, b], 1),
        () => cat([a, b, c], 1),
      ];
      values.push(pick(next, made)());
    }
    return [values.at(-1) ?? x, pick(next, values)];
  };
}

describe('values that lie in others', () => {
  test.each(Array.from({ length: 300 }, (_, seed) => seed))(
    'graph %d: every read finds what was written',
    (seed) => {
      const { graph } = traceModule(anyGraph(seed), [{ shape: [1, 4, SIDE, SIDE] }]);
      for (const fuse of [true, false]) expect(lost(stageGraph(graph, { fuse }).placement)).toEqual([]);
    },
  );
});
