/**
 * How far a picture is extended before a network sees it: far enough that the frame which zero padding paints is cropped away, and up to a
 * size that the network maps to itself. Found by tracing the network at candidate sizes; no pixel is touched.
 */
import { ShapeError } from '../errors.js';
import type { Module } from '../nn/module.js';
import { traceModule } from '../nn/trace.js';

/** Pixels on each side; the frame that zero padding paints was seen to be narrower (with 16, starry-night still showed a line). */
export const BORDER_PX = 32;
/** How far above the border is searched: networks that halve the size six times still map one of 64 neighbours to itself. */
const SEARCHED_PX = 64;
/** Networks that halve the size more often keep multiples of 2^k alone; pix2pix's U-Net halves it eight times. */
const MOST_HALVINGS = 9;

/** Height and width, in pixels. */
interface Sides {
  readonly height: number;
  readonly width: number;
}

/** What comes of an input of these sides: the output's, or the error where the network refuses it. */
function sidesFor(network: Module, channels: number, { height, width }: Sides): ShapeError | Sides {
  try {
    const { graph } = traceModule(network, [{ shape: [1, channels, height, width] }]);
    const [output, ...others] = graph.outputs;
    const shape = output === undefined ? undefined : graph.values[output.value]?.shape;
    if (others.length > 0 || shape?.length !== 4) return { height: 0, width: 0 };
    return { height: shape[2] ?? 0, width: shape[3] ?? 0 };
  } catch (error) {
    if (error instanceof ShapeError) return error;
    throw error;
  }
}

/** What comes of a square of this side: the larger of the output's sides, or null where the network refuses it. */
function sideFor(network: Module, channels: number, side: number): number | null {
  const got = sidesFor(network, channels, { height: side, width: side });
  return got instanceof ShapeError ? null : Math.max(got.height, got.width);
}

const POWERS = Array.from({ length: MOST_HALVINGS + 1 }, (_, k) => 2 ** k);

/** `side`, or the next multiple of `power` above it. */
const multipleFrom = (side: number, power: number): number => Math.ceil(side / power) * power;

/**
 * A side with a border on both sides, and not much more, that the network maps to itself, if there is one. Height and width are independent of
 * each other in a network of convolutions, so one square is tried for each.
 */
function borderedSide(network: Module, channels: number, side: number): number | undefined {
  const smallest = side + 2 * BORDER_PX;
  const largest = smallest + SEARCHED_PX;
  const tried = new Map<number, number | null>();
  const given = (candidate: number): number | null => {
    const known = tried.get(candidate);
    const got = known === undefined ? sideFor(network, channels, candidate) : known;
    tried.set(candidate, got);
    return got;
  };
  for (const power of POWERS) {
    const candidate = multipleFrom(smallest, power);
    if (given(candidate) !== candidate) continue;
    if (candidate <= largest) return candidate;
    // Kept for its power, and not by chance as 384 is by a stride of 3: nothing nearer will be.
    if (given(candidate + power) === candidate + power) return undefined;
  }
  // Strides of 3, kernels without padding: neighbours, and where a larger size comes back, that is tried next.
  for (let candidate = smallest; candidate <= largest; ) {
    const got = given(candidate);
    if (got === candidate) return candidate;
    candidate = got !== null && got > candidate ? got : candidate + 1;
  }
  return undefined;
}

/**
 * Sides that the network maps to themselves: with a border where there are such near, else, for networks that halve the size often, the
 * picture's own, or the next multiples of 2, 4, 8, ... of both.
 * @throws {@link ShapeError} when there are none
 */
export function extendedSides(network: Module, channels: number, picture: Sides): Sides {
  const height = borderedSide(network, channels, picture.height);
  const width = picture.width === picture.height ? height : borderedSide(network, channels, picture.width);
  if (height !== undefined && width !== undefined) return { height, width };
  let refusal: ShapeError | null = null;
  for (const power of POWERS) {
    // Together, since the innermost size of a deep network may be enough in one direction alone.
    const candidate = {
      height: height ?? multipleFrom(picture.height, power),
      width: width ?? multipleFrom(picture.width, power),
    };
    const got = sidesFor(network, channels, candidate);
    if (got instanceof ShapeError) refusal ??= got;
    else if (got.height === candidate.height && got.width === candidate.width) return candidate;
  }
  throw new ShapeError("the network keeps no size near the picture's", {
    op: 'engine.paint',
    got: `a picture of ${picture.height} x ${picture.width} pixels (H x W)`,
    wanted: `an output [1, C, H, W] with the H and W of the input: those, or the next multiples of up to ${2 ** MOST_HALVINGS}`,
    hint: refusal?.message ?? 'paint is for networks that keep the size; run others with engine.run.',
    cause: refusal ?? undefined,
  });
}
