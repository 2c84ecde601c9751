/**
 * How far a picture is extended before a network sees it: far enough that the frame which zero padding paints is cropped away, and up to a
 * size that the network maps to itself. Found by tracing the network at candidate sizes; no pixel is touched.
 */
import { ShapeError } from '../errors.js';
import { traceModule } from '../graph/trace.js';
import type { Module } from '../nn/module.js';

/** Pixels on each side; the frame that zero padding paints was seen to be narrower (with 16, starry-night still showed a line). */
export const BORDER_PX = 32;
/** How far above the smallest size is searched: networks that halve the size six times still map one of 64 neighbours to itself. */
const SEARCHED_PX = 64;

/** What comes of a square of this side: the larger of the output's sides, or the error where the network refuses it. */
function sideFor(network: Module, channels: number, side: number): ShapeError | number {
  try {
    const { graph } = traceModule(network, [{ shape: [1, channels, side, side] }]);
    const [output, ...others] = graph.outputs;
    const shape = output === undefined ? undefined : graph.values[output]?.shape;
    if (others.length > 0 || shape?.length !== 4) return 0;
    return Math.max(shape[2] ?? 0, shape[3] ?? 0);
  } catch (error) {
    if (error instanceof ShapeError) return error;
    throw error;
  }
}

/**
 * A side of at least `side + 2 * BORDER_PX` that the network maps to itself. Height and width are independent of each other in a
 * network of convolutions, so one square is tried for each; where a larger one comes back, that is tried next.
 * @throws {@link ShapeError} when there is none near
 */
export function extendedSide(network: Module, channels: number, side: number): number {
  const smallest = side + 2 * BORDER_PX;
  const largest = smallest + SEARCHED_PX;
  let refusal: ShapeError | null = null;
  for (let candidate = smallest; candidate <= largest; ) {
    const given = sideFor(network, channels, candidate);
    if (given === candidate) return candidate;
    if (given instanceof ShapeError) refusal ??= given;
    const larger = !(given instanceof ShapeError) && given > candidate && given <= largest;
    candidate = larger ? given : candidate + 1;
  }
  if (refusal !== null) throw refusal;
  throw new ShapeError('the network does not give back the size of its input', {
    op: 'engine.paint',
    got: `other sizes for squares of ${smallest} to ${largest} pixels`,
    wanted: 'an output [1, C, H, W] with the H and W of the input',
    hint: 'paint is for networks that keep the size; run others with engine.run.',
  });
}
