// Exports are run by another engine, onnxruntime's WebAssembly build: the modules of torch.nn against PyTorch's results, and whole networks.
import { Tensor, UnsupportedError } from 'gouache';
import { exportOnnx } from 'gouache/onnx';
import * as ort from 'onnxruntime-web';
import { describe, expect, test } from 'vitest';
import { fillByFormula, formulaInput } from '../golden/formula.js';
import { goldenUrl, readNetworkCases, readTensors, tensorOf as tensorAt } from '../golden/golden.js';
import { buildNetwork } from '../networks/networks.js';
import {
  GROUPS,
  isPresent,
  isRefused,
  largestError,
  type ModuleCase,
  makeModule,
  stateOf,
  tensorOf,
} from '../nn/golden_modules.js';
import * as binary from '../ops/binary.js';
import { mismatch } from '../ops/case.js';
import * as chains from '../ops/chains.js';
import * as concat from '../ops/concat.js';
import * as matmul from '../ops/matmul.js';
import * as permute from '../ops/permute.js';
import * as slice from '../ops/slice.js';
import * as unary from '../ops/unary.js';
import * as where from '../ops/where.js';
import { FOREIGN_LAYER, NETWORK } from '../tolerances.js';

ort.env.wasm.numThreads = 1;

/** The one output of what is exported. */
async function execute(target: Parameters<typeof exportOnnx>[0], ...inputs: Tensor[]): Promise<ort.Tensor> {
  const session = await ort.InferenceSession.create(
    exportOnnx(
      target,
      inputs.map(({ shape }) => shape),
    ),
  );
  try {
    const feeds = inputs.map(({ data, shape }, index) => [
      inputs.length === 1 ? 'input' : `input_${index}`,
      new ort.Tensor('float32', data, shape),
    ]);
    const { output } = await session.run(Object.fromEntries(feeds));
    if (output === undefined) throw new Error('no output');
    return output;
  } finally {
    await session.release();
  }
}

const meanOf = ({ data }: Tensor): number => data.reduce((sum, value) => sum + value / data.length, 0);

/** Statistics over a batch have no op in ONNX. */
function hasNoOp({ module, args, mode }: ModuleCase): boolean {
  return module.startsWith('BatchNorm') && (mode === 'train' || args.track_running_stats === false);
}

/** ONNX allows output padding below the dilation, this engine only below the stride; what padding leaves of it, it refuses. */
function isBeyondEngine({ module, args }: ModuleCase): boolean {
  const [added, padding, stride] = [args.output_padding, args.padding, args.stride].map(Number);
  return module === 'ConvTranspose2d' && (added ?? 0) - (padding ?? 0) >= (stride ?? 1);
}

describe.each(GROUPS.filter(({ cases }) => cases.some(isPresent)))('$group', ({ cases, tensors }) => {
  const present = cases.filter((golden) => isPresent(golden) && !isRefused(golden));

  test.each(present)('$name', async (golden) => {
    const module = makeModule(golden).train(golden.mode === 'train');
    module.loadStateDict(stateOf(tensors, golden.name));
    const x = tensorOf(tensors, `${golden.name}/input.0`);
    if (hasNoOp(golden)) {
      expect(() => exportOnnx(module, x.shape)).toThrow(UnsupportedError);
      return;
    }
    if (isBeyondEngine(golden)) {
      await expect(execute(module, x)).rejects.toThrow('output_padding (1) may be too large for stride (1)');
      return;
    }
    const y = await execute(module, x);
    const wanted = tensorOf(tensors, `${golden.name}/output.0`);
    expect(y.dims).toEqual(wanted.shape);
    const scale = golden.module.includes('Norm') ? Math.max(1, Math.abs(meanOf(x))) : 1;
    expect(largestError(y.data as Float32Array, wanted.data)).toBeLessThanOrEqual(FOREIGN_LAYER * scale);
  });
});

describe('networks', () => {
  const expected = readTensors(goldenUrl('networks/networks.safetensors'));

  test.each(readNetworkCases(goldenUrl('networks/networks.json')))('$name', async (golden) => {
    const network = buildNetwork(golden);
    fillByFormula(network);
    const y = await execute(network, formulaInput(golden.input_shape));
    expect(y.dims).toEqual(golden.output_shape);
    const wanted = tensorAt(expected, `${golden.name}/output`);
    expect(largestError(y.data as Float32Array, wanted.data)).toBeLessThanOrEqual(NETWORK);
  });
});

test.each(Object.entries({ permute, slice, concat, matmul, chains }))(
  '%s: the same as the naive version',
  async (op, { cases }) => {
    for (const one of cases(1)) {
      const { data, dims } = await execute(one.target, ...one.inputs);
      expect(mismatch(Tensor.from(data as Float32Array, dims), one), `${op} ${one.name}`).toBeNull();
    }
  },
);

test.each(Object.entries({ unary, binary, where }))(
  '%s: as the naive version has it, of finite numbers',
  async (op, { cases }) => {
    const all = cases(1);
    const finite = all.filter(({ inputs }) => inputs.every(({ data }) => data.every(Number.isFinite)));
    // Special values have cases of their own, a few.
    expect(finite.length).toBeGreaterThan(all.length / 2);
    for (const one of finite) {
      const { data, dims } = await execute(one.target, ...one.inputs);
      const tolerance = Math.max(one.tolerance, FOREIGN_LAYER);
      expect(
        mismatch(Tensor.from(data as Float32Array, dims), { ...one, tolerance }),
        `${op} ${one.name}`,
      ).toBeNull();
    }
  },
);
