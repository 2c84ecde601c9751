/** The same computation at another size, for saying which size would fit the memory. */
import type { Shape } from '../graph/ir.js';
import type { Traced } from '../graph/trace.js';
import { tracePaint } from '../image/paint.js';
import type { Picture } from '../image/picture.js';
import type { Model } from '../model/load_model.js';
import type { Job } from './job.js';

/** Networks halve sizes a few times; the shorter side is rounded to what most of them take. */
const SIDE_STEP_PX = 16;

/** Of inputs of four axes, H and W scale; without any there is no picture. */
export function scaledShapes(
  shapes: readonly Shape[],
  trace: (shapes: readonly Shape[]) => Traced,
): Job['scaled'] {
  const sides = shapes.filter((shape) => shape.length === 4).flatMap((shape) => shape.slice(2));
  if (sides.length === 0) return null;
  const longestSide = Math.max(...sides);
  const at = (side: number): Traced => {
    const resize = (px: number) =>
      Math.max(1, Math.round((px * side) / longestSide / SIDE_STEP_PX)) * SIDE_STEP_PX;
    return trace(
      shapes.map((shape) => shape.map((px, axis) => (shape.length === 4 && axis > 1 ? resize(px) : px))),
    );
  };
  return { longestSide, at };
}

/** A picture of the same aspect ratio. */
export function scaledPicture(model: Model, picture: Picture): NonNullable<Job['scaled']> {
  const { width, height, channels } = picture;
  const longestSide = Math.max(width, height);
  const at = (side: number): Traced => {
    const resize = (px: number) => Math.max(2, Math.round((px * side) / longestSide));
    return tracePaint(model, { width: resize(width), height: resize(height), channels });
  };
  return { longestSide, at };
}
