/** matmul: products of matrices, over the register tiles of the convolutions: a row is a pixel, a column a channel. */
import { PANEL_OUTPUTS, TILE_STEP_PX, tileFlops } from './conv_tiles.js';
import type { Call, OpDescriptor } from './descriptor.js';
import { epilogueFields, operandShape } from './epilogue.js';
import type { PointwiseProgram } from './kernels.js';
import { dense, type Packing, packed, vectorLayout } from './layout.js';
import { programFields, programFlops } from './program_fields.js';
import { packMatmul, matmul as record } from './records.gen.js';
import { LANES, operandAt, TILE_ELEMS } from './tiles.js';

/** Where the operands of the program stand among the inputs, which begin with a, b and bias. */
export const OPERANDS_AT = 3;

/**
 * Rows that a panel of b is read for before the next one comes: with fewer it comes from far for too few products ([1024 x 4096 x 1024] in tiles
 * of 24 rows reaches 69 % of the peak, of 96 rows 88 %).
 */
const ENOUGH_ROWS = 96;

interface Geometry {
  readonly batch: number;
  readonly m: number;
  readonly k: number;
  readonly n: number;
  /** Matrices of b: one for all, or one each. */
  readonly rights: number;
  readonly lefts: number;
  readonly program: PointwiseProgram;
}

function geometry({ attributes: { program }, inputs: [a, b], outputs: [y] }: Call<'matmul'>): Geometry {
  const [lefts = 1, m = 1, k = 1] = a ?? [];
  const [rights = 1, , n = 1] = b ?? [];
  return { batch: y?.[0] ?? 1, m, k, n, rights, lefts, program };
}

/** Enough rows, and then as many columns as a tile has time for, in even parts. */
function tile({ batch, m, k, n, program }: Geometry): { readonly tileM: number; readonly tileN: number } {
  const one = 2 * k + programFlops(program);
  const flops = tileFlops(one * batch * m * n);
  const inSteps = (count: number, step: number): number => Math.max(step, Math.floor(count / step) * step);
  const columns = Math.ceil(n / PANEL_OUTPUTS) * PANEL_OUTPUTS;
  const mostRows = flops / (one * PANEL_OUTPUTS);
  const rows = Math.min(mostRows, Math.max(ENOUGH_ROWS, flops / (one * columns)));
  // Of very long rows even a register tile's are too much.
  const tileM = Math.min(
    m,
    rows < TILE_STEP_PX ? Math.max(1, Math.floor(rows)) : inSteps(rows, TILE_STEP_PX),
  );
  const most = Math.min(columns, inSteps(flops / (one * tileM), PANEL_OUTPUTS));
  const parts = Math.ceil(columns / most);
  return { tileM, tileN: Math.ceil(columns / parts / PANEL_OUTPUTS) * PANEL_OUTPUTS };
}

/** Last columns that are no whole vector are computed aside. */
function scratchBytes(sizes: Geometry): number {
  return sizes.n % LANES === 0 ? 0 : tile(sizes).tileM * PANEL_OUTPUTS * 4;
}

const packedElems = (k: number, n: number): number => k * Math.ceil(n / LANES) * LANES;

function packing({ rights, k, n }: Geometry): Packing {
  return {
    key: `matmul:${rights}x${k}x${n}`,
    bytes: rights * packedElems(k, n) * 4,
    records: (src, y) => [
      packMatmul({
        src,
        y,
        batch: rights,
        k,
        n,
        srcStep: k * n,
        kStep: n,
        nStep: 1,
        tilePanels: Math.max(1, Math.floor(TILE_ELEMS / (k * PANEL_OUTPUTS))),
      }),
    ],
  };
}

export const matmul: OpDescriptor<'matmul'> = {
  op: 'matmul',
  inPlace: [],
  layouts(call) {
    const { inputs, outputs } = call;
    return {
      inputs: [
        dense(inputs[0] ?? []),
        packed(packing(geometry(call))),
        vectorLayout(inputs[2]),
        ...inputs.slice(OPERANDS_AT).map((operand) => dense(operandShape(outputs[0] ?? [], operand ?? []))),
      ],
      outputs: [dense(outputs[0] ?? [])],
    };
  },
  workspace(call) {
    const sizes = geometry(call);
    return { temporaryBytes: [], scratchBytes: scratchBytes(sizes) };
  },
  records(call, { inputs, outputs, scratch }) {
    const sizes = geometry(call);
    const { batch, m, k, n, rights, lefts } = sizes;
    const { tileM, tileN } = tile(sizes);
    const operands = call.inputs
      .slice(OPERANDS_AT)
      .map((shape, at) => ({ shape: shape ?? [], operand: operandAt(inputs, OPERANDS_AT + at) }));
    return [
      record({
        scratch,
        scratchBytes: scratchBytes(sizes),
        a: operandAt(inputs, 0),
        b: operandAt(inputs, 1),
        bias: operandAt(inputs, 2),
        y: operandAt(outputs, 0),
        batch,
        m,
        k,
        n,
        aStep: lefts === 1 ? 0 : m * k,
        bStep: rights === 1 ? 0 : packedElems(k, n),
        yStep: m * n,
        aRowStep: k,
        yRowStep: n,
        tileM,
        tileN,
        ...programFields(sizes.program),
        ...epilogueFields([batch, m, n], operands),
      }),
    ];
  },
  flops(call) {
    const { batch, m, k, n } = geometry(call);
    return 2 * batch * m * k * n;
  },
};
