/**
 * aliases: values that are made where a concatenation wants them, so that it copies nothing. In the blocked layout a range of whole channel blocks
 * of one sample is one range of bytes: a part begins at a channel divisible by 4, and ends so or where its parent does.
 */
import type { Kernels } from '../ops/kernels.js';
import type { Layout } from '../ops/layout.js';
import { LANES } from '../ops/tiles.js';
import { type Node, type ValueId, valueAt } from './graph.js';
import type { LaidOut } from './lay_out.js';

/** Where in another value's bytes a value lies. */
export interface Alias {
  readonly owner: ValueId;
  readonly offset: number;
}

/** Channels and pixels of a plane, of one sample of blocked channels. */
function pictureOf(layout: Layout | undefined): { readonly c: number; readonly pixels: number } | null {
  if (layout?.kind !== 'blocked') return null;
  const [n, c, h, w] = layout.dims;
  return n === 1 ? { c, pixels: h * w } : null;
}

interface Part {
  readonly value: ValueId;
  /** In the concatenation, in bytes. */
  readonly offset: number;
}

/** The parts of a concatenation of channels that may lie in it; null where it is of another kind. */
function partsOf(
  { graph, layouts }: LaidOut,
  { attributes, inputs, outputs: [output] }: Node<Kernels, 'concat'>,
): readonly (Part | null)[] | null {
  const whole = output === undefined ? null : pictureOf(layouts[output]);
  if (whole === null || output === undefined || attributes.axis !== 1) return null;
  let start = 0;
  return inputs.map((value) => {
    if (value === null) return null;
    const from = start;
    start += valueAt(graph, value).shape[1] ?? 0;
    const own = pictureOf(layouts[value]);
    const fits = own !== null && own.pixels === whole.pixels && own.c === start - from;
    const cut = from % LANES !== 0 || (start % LANES !== 0 && start !== whole.c);
    return fits && !cut ? { value, offset: from * whole.pixels * 4 } : null;
  });
}

/**
 * Aliases by value. The last concatenation comes first: of several that begin alike, as a dense block's, it holds all of the others.
 * @param source the value whose elements a view shows
 * @param isOpen whether a value's place is still to be chosen
 */
export function aliases(
  laidOut: LaidOut,
  source: (id: ValueId) => ValueId,
  isOpen: (id: ValueId) => boolean,
): ReadonlyMap<ValueId, Alias> {
  const found = new Map<ValueId, Alias>();
  for (const node of [...laidOut.graph.nodes].reverse()) {
    if (node.op !== 'concat') continue;
    const [output] = node.outputs;
    const parts = partsOf(laidOut, node as Node<Kernels, 'concat'>);
    if (output === undefined || parts === null || !isOpen(output)) continue;
    const whole = found.get(output) ?? placedWith(parts, found, source);
    if (whole !== null) found.set(output, whole);
    const { owner, offset } = whole ?? { owner: output, offset: 0 };
    const held = new Set<ValueId>();
    for (const part of parts) {
      const value = part === null ? null : source(part.value);
      if (part === null || value === null || found.has(value) || held.has(value) || !isOpen(value)) continue;
      held.add(value);
      found.set(value, { owner, offset: offset + part.offset });
    }
  }
  return found;
}

/** Where the whole lies if all parts lie one behind the other already. */
function placedWith(
  parts: readonly (Part | null)[],
  found: ReadonlyMap<ValueId, Alias>,
  source: (id: ValueId) => ValueId,
): Alias | null {
  const [first] = parts;
  const begin = first == null ? undefined : found.get(source(first.value));
  if (begin === undefined) return null;
  const follows = parts.every((part) => {
    const alias = part === null ? undefined : found.get(source(part.value));
    return part !== null && alias?.owner === begin.owner && alias.offset === begin.offset + part.offset;
  });
  return follows ? begin : null;
}
