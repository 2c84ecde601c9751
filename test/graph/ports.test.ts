/** Ports in a layout of the kernels' own: what one plan leaves, another reads as it lies. */
import { expect, test } from 'vitest';
import { choose } from '../../dist/graph/choose.js';
import { separate } from '../../dist/graph/constants.js';
import type { Port } from '../../dist/graph/graph.js';
import { layOut } from '../../dist/graph/lay_out.js';
import { lower } from '../../dist/graph/lower.js';
import { place } from '../../dist/graph/place.js';
import type { Value } from '../../dist/graph/value.js';
import * as nn from '../../dist/nn/index.js';
import { blocked, type Layout } from '../../dist/ops/layout.js';
import { trace } from './build.js';

const SHAPE = [1, 6, 5, 7] as const;
const NATIVE = blocked([...SHAPE]);

/** Kernels and the bytes that are copied in and out, of a convolution whose ports lie so. */
function placed(input: Port['layout'], output: Port['layout']) {
  const body = (x: Value) => nn.functional.conv2d(x, new nn.Parameter([6, 6, 1, 1]));
  const graph = lower(trace(body, SHAPE));
  const as = (ports: readonly Port[], layout: Port['layout']) => ports.map((port) => ({ ...port, layout }));
  const ported = { ...graph, inputs: as(graph.inputs, input), outputs: as(graph.outputs, output) };
  const { running, constants } = separate(layOut(choose(ported, { precision: 'high' }).graph));
  const weights = new Map(constants.map(({ value }, index) => [value, index]));
  const { steps, inputs, outputs } = place(running, { workers: 1, constants: weights });
  return {
    ops: steps.map(({ node }) => node.op),
    bytes: [...inputs, ...outputs].map(({ bytes }) => bytes),
  };
}

const DENSE_BYTES = 6 * 5 * 7 * 4;
// Two blocks of four channels.
const NATIVE_BYTES = 8 * 5 * 7 * 4;

test.each<[string, 'dense' | Layout, 'dense' | Layout, string[], number[]]>([
  ['dense to dense', 'dense', 'dense', ['move', 'conv2d', 'move'], [DENSE_BYTES, DENSE_BYTES]],
  ['dense to native', 'dense', NATIVE, ['move', 'conv2d'], [DENSE_BYTES, NATIVE_BYTES]],
  ['native to dense', NATIVE, 'dense', ['conv2d', 'move'], [NATIVE_BYTES, DENSE_BYTES]],
  ['native to native', NATIVE, NATIVE, ['conv2d'], [NATIVE_BYTES, NATIVE_BYTES]],
])('%s', (_, input, output, ops, bytes) => {
  expect(placed(input, output)).toEqual({ ops, bytes });
});
