/** The same computation at another size, for saying which size would fit the memory. */
import type { Traced } from './graph/trace.js';
import type { Painting } from './image/paint.js';
import type { Picture } from './image/picture.js';
import { type Job, SIDE_STEP_PX } from './runtime/job.js';
import type { Shape } from './tensor/shape.js';

/** Ways to round a side: whoever shrinks a picture rounds up or down. */
const ROUNDINGS: readonly ((px: number) => number)[] = [Math.ceil, Math.floor];

/** Traces, made when they are asked for; null for one that throws. A `forward` may throw whatever it likes at sizes that nobody gave it. */
function* attempts(traces: readonly (() => Traced | null)[]): Generator<Traced | null> {
  for (const trace of traces) {
    let traced: Traced | null = null;
    try {
      traced = trace();
    } catch {}
    yield traced;
  }
}

/** Of inputs of four axes, H and W scale; without any there is no picture. */
export function scaledShapes(
  shapes: readonly Shape[],
  trace: (shapes: readonly Shape[]) => Traced,
): Job['scaled'] {
  const sides = shapes.filter((shape) => shape.length === 4).flatMap((shape) => shape.slice(2));
  if (sides.length === 0) return null;
  const longestSide = Math.max(...sides);
  const toSteps = (px: number) => Math.max(1, Math.round(px / SIDE_STEP_PX)) * SIDE_STEP_PX;
  const resized = (side: number, round: (px: number) => number) =>
    shapes.map((shape) =>
      shape.map((px, axis) => (shape.length === 4 && axis > 1 ? round((px * side) / longestSide) : px)),
    );
  function* at(side: number): Generator<Traced> {
    const traces = [...ROUNDINGS, toSteps].map((round) => () => trace(resized(side, round)));
    // Many networks take no tensor but of some multiple.
    for (const traced of attempts(traces)) if (traced !== null) yield traced;
  }
  return { longestSide, at };
}

/** A picture of the same aspect ratio. */
export function scaledPicture(painting: Painting, picture: Picture): NonNullable<Job['scaled']> {
  const { width, height, channels } = picture;
  const longestSide = Math.max(width, height);
  const at = (side: number) => {
    const sizes = ROUNDINGS.map((round) => ({
      width: round((width * side) / longestSide),
      height: round((height * side) / longestSide),
      channels,
    }));
    // One row has no reflection.
    const isPicture = (size: (typeof sizes)[number]) => size.width > 1 && size.height > 1;
    return attempts(sizes.map((size) => () => (isPicture(size) ? painting.trace(size) : null)));
  };
  return { longestSide, at };
}
