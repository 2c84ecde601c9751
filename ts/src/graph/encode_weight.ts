/** Packed weights: stored bytes -> dense float32 -> the form a kernel reads, as a small plan of its own that runs once. */
import { UnsupportedError } from '../errors.js';
import type { Operand, WeightPacking } from '../ops/descriptor.js';
import { convert } from '../ops/records.gen.js';
import { denseStrides, numel, sameShape } from '../tensor/shape.js';
import { layOut } from './arena.js';
import { arenaOperand, assemble, relocatable } from './assemble.js';
import {
  type Parameter,
  type StoredTensor,
  storedBytes,
  type WeightDtype,
  weightDtype,
} from './parameter.js';
import type { EncodedPlan } from './plan.js';

/** Parameters in the form that kernels read; one copy serves every plan with the same key. */
export interface PackedWeight {
  /** Parameter uids, versions and packing. */
  readonly key: string;
  readonly bytes: number;
  readonly parameters: readonly Parameter[];
  /** The plan that converts and packs, and the stored bytes that are its inputs. Its relocations refer to weight 0, the destination. */
  encode(): { readonly prepare: EncodedPlan; readonly raw: readonly Uint8Array[] };
}

/** Numbers of the convert record's dtype field. */
const DTYPE_CODES = { F32: 0, F16: 1, BF16: 2, F64: 3 } as const satisfies Record<WeightDtype, number>;

/** A parameter's values, and its name in messages. */
export interface WeightSource {
  readonly name: string;
  readonly parameter: Parameter;
  readonly version: number;
  readonly stored: StoredTensor;
}

/** Sizes and strides of a convert record: four axes, the innermost last. */
function convertAxes({ shape, strides }: StoredTensor): readonly { size: number; stride: number }[] {
  const axes: { size: number; stride: number }[] = [];
  shape.forEach((size, axis) => {
    const stride = strides[axis] ?? 0;
    const last = axes.at(-1);
    if (size === 1) return;
    if (last !== undefined && last.stride === stride * size)
      axes[axes.length - 1] = { size: last.size * size, stride };
    else axes.push({ size, stride });
  });
  while (axes.length < 4) axes.unshift({ size: 1, stride: 0 });
  if (axes.length > 4) {
    throw new UnsupportedError('a stored tensor of more than four strided axes', {
      op: 'convert',
      got: `strides [${strides.join(', ')}]`,
    });
  }
  return axes;
}

function isDense(stored: StoredTensor): boolean {
  return stored.dtype === 'F32' && sameShape(stored.strides, denseStrides(stored.shape));
}

function convertRecord({ name, stored }: WeightSource, src: Operand, y: Operand) {
  const [a, b, c, d] = convertAxes(stored);
  if (a === undefined || b === undefined || c === undefined || d === undefined)
    throw new RangeError('convert has four axes');
  return convert({
    src,
    srcBytes: stored.bytes.byteLength,
    y,
    dtype: DTYPE_CODES[weightDtype(stored.dtype, name)],
    d0: a.size,
    d1: b.size,
    d2: c.size,
    d3: d.size,
    s0: a.stride,
    s1: b.stride,
    s2: c.stride,
    s3: d.stride,
  });
}

/** The plan that packs `sources`, and its inputs. */
function prepare(
  packing: WeightPacking,
  sources: readonly WeightSource[],
): { prepare: EncodedPlan; raw: Uint8Array[] } {
  // Everything is alive at once: stored bytes, and a dense copy where the stored ones are not dense float32 already.
  const rawBytes = sources.map(({ stored }) => stored.bytes.byteLength);
  const denseBytes = sources.map(({ stored }) =>
    isDense(stored) ? 0 : storedBytes('F32', numel(stored.shape)),
  );
  const arena = layOut([...rawBytes, ...denseBytes].map((bytes) => ({ bytes, first: 0, last: 0 })));
  const offset = (index: number): number => arena.offsets_bytes[index] ?? 0;
  const rawOperands = sources.map((_, index) => arenaOperand(offset(index)));
  const denseOperands = sources.map((source, index) =>
    isDense(source.stored) ? arenaOperand(offset(index)) : arenaOperand(offset(sources.length + index)),
  );
  const converts = sources.flatMap((source, index) =>
    isDense(source.stored)
      ? []
      : [
          {
            words: convertRecord(source, rawOperands[index] ?? 0, denseOperands[index] ?? 0),
            relocations: [],
          },
        ],
  );
  const packs = relocatable(1, ([destination = 0]) => packing.records(denseOperands, destination));
  const records = [...converts, ...packs];
  return {
    prepare: {
      ...assemble(records, { workers: 1, arena_bytes: arena.bytes }),
      arena_bytes: arena.bytes,
      inputs: rawBytes.map((bytes, index) => ({ offset_bytes: offset(index), bytes })),
      outputs: [],
    },
    raw: sources.map(({ stored }) => stored.bytes),
  };
}

/** One packed weight, tied to the values that its parameters have now. */
export function packedWeight(packing: WeightPacking, sources: readonly WeightSource[]): PackedWeight {
  const parameters = sources.map(({ parameter }) => parameter);
  const versions = sources.map(({ parameter: { uid }, version }) => `${uid}.${version}`).join(',');
  return {
    key: `${packing.key}|${versions}`,
    bytes: packing.bytes,
    parameters,
    encode: () => prepare(packing, sources),
  };
}
