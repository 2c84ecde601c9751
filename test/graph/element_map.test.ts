/** element_map: strided maps and the boxes made of them, against brute force over every element. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Address,
  type Axis,
  type Box,
  boxOf,
  composed,
  identityMap,
  isIdentity,
  MOST_AXES,
  within,
} from '../../dist/ops/element_map.js';
import type { ElementMap } from '../../dist/ops/kernels.js';
import { blocked, type Dims, dense, type Layout } from '../../dist/ops/layout.js';

type Sizes = readonly number[];

const numel = (sizes: Sizes): number => sizes.reduce((product, size) => product * size, 1);

/** Every index of a box, in row-major order. */
function indexes(sizes: Sizes): number[][] {
  return sizes.reduce<number[][]>(
    (before, size) => before.flatMap((index) => Array.from({ length: size }, (_, i) => [...index, i])),
    [[]],
  );
}

const dot = (a: Sizes, b: Sizes): number => a.reduce((sum, one, at) => sum + one * (b[at] ?? 0), 0);

/** Positions that a map reads, one an element of its output. */
const positions = ({ sizes, strides, start }: ElementMap): number[] =>
  indexes(sizes).map((index) => start + dot(index, strides));

/** Where the element at a row-major position lies under a layout, in floats. */
function placeIn(layout: Layout, position: number): number {
  if (layout.kind !== 'blocked') return position;
  const [, c, h, w] = layout.dims;
  const [column, row] = [position % w, Math.floor(position / w) % h];
  const channel = Math.floor(position / (w * h)) % c;
  const sample = Math.floor(position / (w * h * c));
  const block = sample * Math.ceil(c / 4) + Math.floor(channel / 4);
  return (block * h * w + row * w + column) * 4 + (channel % 4);
}

/** Where a side of a box looks, as the kernel's record says it. */
function addressOf({ start, channelStart, blockStride, steps, channels }: Address, index: Sizes): number {
  let [float, channel] = [start, channelStart];
  index.forEach((i, axis) => {
    if (channels[axis]) channel += i * (steps[axis] ?? 0);
    else float += i * (steps[axis] ?? 0);
  });
  return float + Math.floor(channel / 4) * blockStride + (channel % 4);
}

const addresses = ({ sizes, x, y }: Box): [number, number][] =>
  indexes(sizes).map((index) => [addressOf(x, index), addressOf(y, index)]);

const shapes = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 5 });

/** Any four sizes with this product. */
const factorings = (elems: number): fc.Arbitrary<Dims> =>
  fc.array(fc.nat(3), { minLength: 12, maxLength: 12 }).map((choices): Dims => {
    const dims: [number, number, number, number] = [1, 1, 1, 1];
    let rest = elems;
    for (let factor = 2, at = 0; rest > 1; ) {
      if (rest % factor !== 0) factor++;
      else {
        const axis = choices[at++ % choices.length] ?? 0;
        dims[axis] = (dims[axis] ?? 1) * factor;
        rest /= factor;
      }
    }
    return dims;
  });

const layoutsOf = (elems: number): fc.Arbitrary<Layout> =>
  fc.oneof(fc.constant(dense([elems])), factorings(elems).map(blocked));

const denseStrides = (shape: Sizes): number[] => shape.map((_, axis) => numel(shape.slice(axis + 1)));

/** What permutes, slices, mirrors and repeats axes of a shape. */
const mapsOf = (shape: Sizes): fc.Arbitrary<ElementMap> =>
  fc
    .record({
      order: fc.shuffledSubarray(
        shape.map((_, axis) => axis),
        { minLength: shape.length },
      ),
      cuts: fc.array(fc.tuple(fc.nat(4), fc.nat(4), fc.constantFrom(1, 1, 1, 2, -1, -2, 0)), {
        minLength: shape.length,
        maxLength: shape.length,
      }),
    })
    .map(({ order, cuts }): ElementMap => {
      const strides = denseStrides(shape);
      const axes = order.map((axis) => {
        const [size, stride] = [shape[axis] ?? 1, strides[axis] ?? 0];
        const [first, length, step] = cuts[axis] ?? [0, 0, 1];
        // Half of the axes stay whole.
        if (step === 1 && first % 2 === 0) return { size, stride, start: 0 };
        const start = first % size;
        const room = step === 0 ? 3 : Math.floor((step > 0 ? size - 1 - start : start) / Math.abs(step)) + 1;
        return { size: 1 + (length % room), stride: stride * step, start: start * stride };
      });
      return {
        sizes: axes.map(({ size }) => size),
        strides: axes.map(({ stride }) => stride),
        start: axes.reduce((sum, { start }) => sum + start, 0),
      };
    });

/** Maps with any strides whose positions are among so many elements. */
const anyMapsInto = (elems: number): fc.Arbitrary<ElementMap> =>
  fc
    .record({
      sizes: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 }),
      strides: fc.array(fc.integer({ min: -7, max: 7 }), { minLength: 3, maxLength: 3 }),
      from: fc.nat(),
    })
    .map(({ sizes, strides, from }): ElementMap | null => {
      const own = sizes.map((_, axis) => strides[axis] ?? 0);
      const reached = positions({ sizes, strides: own, start: 0 });
      const [low, high] = [Math.min(...reached), Math.max(...reached)];
      if (high - low >= elems) return null;
      return { sizes, strides: own, start: -low + (from % (elems - (high - low))) };
    })
    .filter((map) => map !== null);

/** A shape, and a map that reads its elements. */
const cases = shapes.chain((shape) =>
  fc.tuple(fc.constant(shape), fc.oneof(mapsOf(shape), anyMapsInto(numel(shape)))),
);

describe('within', () => {
  test('cuts axes so that no step leaves its factor, and visits the same elements in the same order', () => {
    let found = 0;
    const property = fc.property(
      cases.chain(([shape, map]) => fc.tuple(fc.constant(map), factorings(numel(shape)))),
      ([{ sizes, strides, start }, factors]) => {
        const others = denseStrides(sizes);
        const axes = sizes.map((size, at): Axis => ({ size, steps: [strides[at] ?? 0, others[at] ?? 0] }));
        const cut = within(axes, 0, start, factors);
        if (cut === null) return;
        found++;
        const walked = indexes(cut.axes.map(({ size }) => size));
        const step = (index: Sizes, side: number): number =>
          dot(
            index,
            cut.axes.map(({ steps }) => steps[side] ?? Number.NaN),
          );
        const wanted = indexes(sizes).map((index) => [start + dot(index, strides), dot(index, others)]);
        expect(walked.map((index) => [start + step(index, 0), step(index, 1)])).toEqual(wanted);
        walked.forEach((index, at) => {
          const place = [...cut.starts];
          cut.units.forEach((unit, axis) => {
            if (unit !== null)
              place[unit.factor] = (place[unit.factor] ?? 0) + unit.units * (index[axis] ?? 0);
          });
          place.forEach((one, factor) => {
            expect(one >= 0 && one < (factors[factor] ?? 0)).toBe(true);
          });
          expect(dot(place, denseStrides(factors))).toBe(wanted[at]?.[0]);
        });
      },
    );
    fc.assert(property, { numRuns: 500 });
    expect(found).toBeGreaterThan(100);
  });
});

describe('composed', () => {
  test('reads what the first map gives', () => {
    let found = 0;
    const property = fc.property(
      cases.chain(([, before]) =>
        fc.tuple(
          fc.constant(before),
          fc.oneof(mapsOf(before.sizes), anyMapsInto(numel(before.sizes)), mapsOf([numel(before.sizes)])),
        ),
      ),
      ([before, map]) => {
        const both = composed(map, before, numel(before.sizes));
        if (both === null) return;
        found++;
        const first = positions(before);
        expect(positions(both)).toEqual(positions(map).map((at) => first[at]));
      },
    );
    fc.assert(property, { numRuns: 500 });
    expect(found).toBeGreaterThan(100);
  });

  test('a permutation and its inverse are no move', () => {
    const inverses = shapes.chain((shape) =>
      fc.tuple(
        fc.constant(shape),
        fc.shuffledSubarray(
          shape.map((_, axis) => axis),
          { minLength: shape.length },
        ),
      ),
    );
    const property = fc.property(inverses, ([shape, order]) => {
      const permuted = (sizes: Sizes, axes: Sizes): ElementMap => ({
        sizes: axes.map((axis) => sizes[axis] ?? 1),
        strides: axes.map((axis) => denseStrides(sizes)[axis] ?? 0),
        start: 0,
      });
      const there = permuted(shape, order);
      const back = permuted(
        there.sizes,
        shape.map((_, axis) => order.indexOf(axis)),
      );
      const both = composed(back, there, numel(shape));
      expect(both && isIdentity(both)).toBe(true);
    });
    fc.assert(property);
  });

  test('not of maps whose elements are counted otherwise', () => {
    expect(composed(identityMap(5), identityMap(6), 5)).toBeNull();
    // Every third of rows of two: the steps carry from column to row.
    const columns = { sizes: [3, 2], strides: [1, 3], start: 0 };
    expect(composed({ sizes: [2], strides: [3], start: 0 }, columns, 6)).toBeNull();
  });
});

describe('boxOf', () => {
  test('moves each element from where it lies to where it belongs', () => {
    let found = 0;
    const property = fc.property(
      cases.chain(([shape, map]) =>
        fc.tuple(fc.constant(map), layoutsOf(numel(shape)), layoutsOf(numel(map.sizes))),
      ),
      ([map, from, to]) => {
        const box = boxOf(map, from, to);
        if (box === null) return;
        found++;
        expect(box.sizes.length).toBeLessThanOrEqual(MOST_AXES);
        const wanted = positions(map).map((at, i) => [placeIn(from, at), placeIn(to, i)]);
        expect(addresses(box)).toEqual(wanted);
      },
    );
    fc.assert(property, { numRuns: 1000 });
    expect(found).toBeGreaterThan(200);
  });

  test('into a part of a larger value, as a concatenation does', () => {
    let found = 0;
    const parts = shapes.chain((whole) =>
      fc.record({
        whole: fc.constant(whole),
        axis: fc.nat(whole.length - 1),
        first: fc.nat(4),
        length: fc.nat(4),
        layout: layoutsOf(numel(whole)),
        picture: fc.boolean(),
      }),
    );
    const property = fc.property(parts, ({ whole, axis, first, length, layout: to, picture }) => {
      const size = whole[axis] ?? 1;
      const start = first % size;
      const sizes = whole.map((all, at) => (at === axis ? 1 + (length % (size - start)) : all));
      const strides = denseStrides(whole);
      const place = { start: start * (strides[axis] ?? 1), strides };
      const [n = 1, c = 1, h = 1, w = 1] = sizes;
      const from = picture && sizes.length === 4 ? blocked([n, c, h, w]) : dense(sizes);
      const box = boxOf({ sizes, strides: denseStrides(sizes), start: 0 }, from, to, place);
      if (box === null) return;
      found++;
      const wanted = indexes(sizes).map((index, i) => [
        placeIn(from, i),
        placeIn(to, place.start + dot(index, strides)),
      ]);
      expect(addresses(box)).toEqual(wanted);
    });
    fc.assert(property, { numRuns: 500 });
    expect(found).toBeGreaterThan(200);
  });

  test('every layout is made of dense elements, and dense elements of every layout', () => {
    const reorders = shapes.chain((shape) => fc.tuple(fc.constant(shape), factorings(numel(shape))));
    const property = fc.property(reorders, ([shape, dims]) => {
      const identity = identityMap(numel(shape));
      expect(boxOf(identity, dense(shape), blocked(dims))).not.toBeNull();
      expect(boxOf(identity, blocked(dims), dense(shape))).not.toBeNull();
    });
    fc.assert(property);
  });

  test('as few axes as say it; more than the kernel takes are refused', () => {
    const sizes = [2, 3, 4, 5];
    const identity = { sizes, strides: denseStrides(sizes), start: 0 };
    expect(boxOf(identity, dense(sizes), dense(sizes))?.sizes).toEqual([120]);
    const wide = Array.from({ length: MOST_AXES + 1 }, () => 2);
    const mirrored = {
      sizes: wide,
      strides: denseStrides(wide).map((stride) => -stride),
      start: numel(wide) - 1,
    };
    expect(boxOf(mirrored, dense(wide), dense(wide))?.sizes).toEqual([numel(wide)]);
    const reversed = { sizes: wide, strides: denseStrides(wide).reverse(), start: 0 };
    expect(boxOf(reversed, dense(wide), dense(wide))).toBeNull();
  });

  test('bytes that only kernels know are not moved', () => {
    expect(boxOf(identityMap(4), { kind: 'raw', bytes: 16 }, dense([4]))).toBeNull();
  });
});
