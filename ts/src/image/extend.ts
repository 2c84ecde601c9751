/**
 * How far a picture is extended before a network sees it: far enough that the frame which zero padding paints is cropped away, and up to a
 * size that the network maps to itself. Found by tracing the network at candidate sizes; no pixel is touched.
 */
import { ShapeError } from '../errors.js';
import { traceModule } from '../graph/trace.js';
import type { Module } from '../nn/module.js';

/** Pixels on each side; the frame that zero padding paints was seen to be narrower (with 16, starry-night still showed a line). */
export const BORDER_PX = 32;
/** How far above the border is searched: networks that halve the size six times still map one of 64 neighbours to itself. */
const SEARCHED_PX = 64;
/** Networks that halve the size more often keep multiples of 2^k alone; pix2pix's U-Net halves it eight times. */
const MOST_HALVINGS = 9;

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

/** `side` itself and the next multiples of 2, 4, 8, ..., ascending. */
function multiplesFrom(side: number): Set<number> {
  const powers = Array.from({ length: MOST_HALVINGS + 1 }, (_, k) => 2 ** k);
  return new Set(powers.map((power) => Math.ceil(side / power) * power));
}

/**
 * A side that the network maps to itself: of at least `side + 2 * BORDER_PX` if there is one near, else, for networks that halve the size
 * often, `side` or what follows it. Height and width are independent of each other in a network of convolutions, so one square is tried
 * for each.
 * @throws {@link ShapeError} when there is none
 */
export function extendedSide(network: Module, channels: number, side: number): number {
  const tried = new Map<number, ShapeError | number>();
  const given = (candidate: number): ShapeError | number => {
    const known = tried.get(candidate) ?? sideFor(network, channels, candidate);
    tried.set(candidate, known);
    return known;
  };
  const firstKept = (candidates: Iterable<number>): number | undefined => {
    for (const candidate of candidates) if (given(candidate) === candidate) return candidate;
    return undefined;
  };
  const smallest = side + 2 * BORDER_PX;
  const largest = smallest + SEARCHED_PX;
  const multiple = firstKept(multiplesFrom(smallest));
  if (multiple !== undefined && multiple <= largest) return multiple;
  if (multiple === undefined) {
    // Strides of 3, kernels without padding: neighbours, and where a larger size comes back, that is tried next.
    for (let candidate = smallest; candidate <= largest; ) {
      const got = given(candidate);
      if (got === candidate) return candidate;
      candidate = typeof got === 'number' && got > candidate ? got : candidate + 1;
    }
  }
  const kept = firstKept(multiplesFrom(side));
  if (kept !== undefined) return kept;
  const refusal = [...tried.values()].find((got) => got instanceof ShapeError);
  if (refusal !== undefined) throw refusal;
  throw new ShapeError('the network does not give back the size of its input', {
    op: 'engine.paint',
    got: `other sizes for squares of ${side} to ${largest} pixels`,
    wanted: 'an output [1, C, H, W] with the H and W of the input',
    hint: 'paint is for networks that keep the size; run others with engine.run.',
  });
}
