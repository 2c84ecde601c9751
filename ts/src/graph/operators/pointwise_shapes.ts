/** The shape of what works element by element on several values. */
import { ShapeError, UnsupportedError } from '../../errors.js';
import { denseAxes, kindsOf, ROW_AXES, walkOf } from '../../ops/pointwise_walk.js';
import { broadcast, type Shape, spell } from '../../tensor/shape.js';

/**
 * What all shapes broadcast to by NumPy's rule.
 * @throws {@link ShapeError} where they do not
 * @throws {@link UnsupportedError} where they repeat along more groups of axes than a kernel walks
 */
export function broadcastAll(shapes: readonly Shape[], caller: string): Shape {
  const got = shapes.map(spell).join(' and ');
  const shape = shapes.reduce<Shape | null>((all, one) => all && broadcast(all, one), []);
  if (shape === null) {
    throw new ShapeError('the shapes do not broadcast', {
      op: caller,
      got,
      wanted: 'sizes that are equal or 1, counted from the last axis',
    });
  }
  if (walkOf(denseAxes(shape, shapes), kindsOf([], shapes.length)) === null) {
    throw new UnsupportedError('too many groups of axes', {
      op: caller,
      got,
      wanted: `neighbouring axes that merge into at most ${ROW_AXES + 1}, each repeated or not`,
      hint: 'Use view to merge axes first.',
    });
  }
  return shape;
}
