/** What a convolution takes over from the normalisations around it: constants applied as it loads, moments left as it stores. */
import type { Load, Node } from '../graph/ir.js';
import type { Operands, PlacedShapes } from './descriptor.js';
import { momentsBytes } from './statistics.js';
import { operandAt, outputDims } from './tiles.js';

type Convolution = Node<'conv2d' | 'conv_winograd' | 'conv_transpose2d'>;

const LOAD_ACTIVATIONS = { plain: 0, normalized: 0, 'normalized-relu': 1 } as const satisfies Record<
  Load,
  number
>;

/** Fields that the records of all convolutions have. */
export function fusedFields({ attributes: { load } }: Convolution, shapes: PlacedShapes, operands: Operands) {
  return {
    moments: operands.moments,
    constants: load === 'plain' ? 0 : operandAt(operands.inputs, 1),
    constantsN: load === 'plain' ? 1 : (shapes.inputs[1]?.[0] ?? 1),
    loadActivation: LOAD_ACTIVATIONS[load],
  };
}

/** Bytes of the moments that a convolution leaves, in `parts` tiles of a plane. */
export function leftBytes(shapes: PlacedShapes, parts: number): number {
  return momentsBytes(outputDims(shapes), parts);
}
