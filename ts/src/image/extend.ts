/**
 * How far a picture is extended before a network sees it: far enough that the frame which zero padding paints is cropped away, and up to a
 * size that the network maps to itself. Found by tracing the network at candidate sizes; no pixel is touched.
 */
import { ShapeError } from '../errors.js';
import { traceModule } from '../graph/trace.js';
import type { Module } from '../nn/module.js';

/** Pixels on each side; the frame that zero padding paints was seen to be narrower. */
export const BORDER_PX = 16;
/** How far above the smallest size is searched: networks that halve the size six times still map one of 64 neighbours to itself. */
const SEARCHED_PX = 64;

/** Sides that each network was found to map to themselves, or not. Shapes depend on layers alone, which do not change; refusals may. */
const known = new WeakMap<Module, Map<number, boolean>>();

/** Whether a square of this side comes back as large; the error where the network refuses it. */
function mapsToItself(network: Module, channels: number, side: number): ShapeError | boolean {
  try {
    const { graph } = traceModule(network, [{ shape: [1, channels, side, side] }]);
    const [output, ...others] = graph.outputs;
    const shape = output === undefined ? undefined : graph.values[output]?.shape;
    return others.length === 0 && shape?.length === 4 && shape[2] === side && shape[3] === side;
  } catch (error) {
    if (error instanceof ShapeError) return error;
    throw error;
  }
}

/**
 * The smallest side of at least `side + 2 * BORDER_PX` that the network maps to itself. Height and width are independent of each other in a
 * network of convolutions, so one square is tried for each.
 * @throws {@link ShapeError} when there is none near
 */
export function extendedSide(network: Module, channels: number, side: number): number {
  const sides = known.get(network) ?? new Map<number, boolean>();
  known.set(network, sides);
  const smallest = side + 2 * BORDER_PX;
  let refusal: ShapeError | null = null;
  for (let candidate = smallest; candidate <= smallest + SEARCHED_PX; candidate++) {
    const answer = sides.get(candidate) ?? mapsToItself(network, channels, candidate);
    if (answer instanceof ShapeError) {
      refusal ??= answer;
      continue;
    }
    sides.set(candidate, answer);
    if (answer) return candidate;
  }
  if (refusal !== null) throw refusal;
  throw new ShapeError('the network does not give back the size of its input', {
    op: 'engine.paint',
    got: `other sizes for squares of ${smallest} to ${smallest + SEARCHED_PX} pixels`,
    wanted: 'an output [1, C, H, W] with the H and W of the input',
    hint: 'paint is for networks that keep the size; run others with engine.run.',
  });
}
