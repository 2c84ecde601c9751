/** Plans of the records pack_matmul and matmul alone. */

import type { EncodedPlan, Slot } from '../../dist/graph/plan.js';
import { epilogueFields } from '../../dist/ops/epilogue.js';
import { programFields } from '../../dist/ops/program_fields.js';
import { matmul, packMatmul } from '../../dist/ops/records.gen.js';
import { inArena, planOf } from './raw_records.js';

export interface Product {
  readonly batch?: number;
  readonly m: number;
  readonly k: number;
  readonly n: number;
  /** b lies as [n, k]. */
  readonly transposed?: boolean;
  /** Floats between the rows of a and of y. */
  readonly gap?: number;
  readonly workers?: number;
}

export interface ProductPlan {
  readonly encoded: EncodedPlan;
  readonly a: Slot;
  readonly b: Slot;
  readonly bias: Slot;
  readonly y: Slot;
}

const TILE_M = 5;
const TILE_N = 16;

const up = (count: number, step: number): number => Math.ceil(count / step) * step;

export function matrixProducts(product: Product): ProductPlan {
  const { batch = 1, m, k, n, transposed = false, gap = 0, workers = 1 } = product;
  let end = 0;
  const room = (floats: number): Slot => {
    const slot = { offset_bytes: end, bytes: floats * 4 };
    end += up(slot.bytes, 16);
    return slot;
  };
  const [aRow, yRow, packedElems] = [k + gap, n + gap, k * up(n, 4)];
  const a = room(batch * m * aRow);
  const b = room(batch * k * n);
  const bias = room(up(n, 8));
  const packed = room(batch * packedElems);
  const y = room(batch * m * yRow);
  const scratchBytes = n % 4 === 0 ? 0 : TILE_M * 8 * 4;
  const scratch = room((scratchBytes / 4) * workers);
  const at = ({ offset_bytes }: Slot): number => inArena(offset_bytes);
  const records = [
    packMatmul({
      src: at(b),
      y: at(packed),
      batch,
      k,
      n,
      srcStep: k * n,
      kStep: transposed ? 1 : n,
      nStep: transposed ? k : 1,
      tilePanels: 2,
    }),
    matmul({
      scratch: scratchBytes === 0 ? 0 : at(scratch),
      scratchBytes,
      a: at(a),
      b: at(packed),
      bias: at(bias),
      y: at(y),
      batch,
      m,
      k,
      n,
      aStep: m * aRow,
      bStep: packedElems,
      yStep: m * yRow,
      aRowStep: aRow,
      yRowStep: yRow,
      tileM: TILE_M,
      tileN: TILE_N,
      ...programFields([]),
      ...epilogueFields([batch, m, n], []),
    }),
  ];
  return { encoded: planOf(records, { arena_bytes: end, workers, outputs: [y] }), a, b, bias, y };
}
