/**
 * What a network's trace depends on, as far as it can be seen without tracing: its modules as the walk of nn/module.ts finds them, and the
 * properties of each. Looking costs a small part of a trace. Not here: what `forward` reads in variables outside of the network.
 */
import { isPlainObject } from '../brand.js';
import { Cell } from '../graph/cell.js';
import { Parameter } from '../graph/parameter.js';
import { MOST_ENTRIES, Module } from './module.js';

/** Modules, names and values of their properties, in the order of the walk. */
export type Parts = readonly unknown[];

export interface Snapshot {
  /** Of modules without a `traceKey`. */
  readonly plain: Parts;
  /** Of modules with one, and of those in them. */
  readonly keyed: Parts;
  /** Whether nothing of the modules without a key is hidden: no private fields, no objects of other classes. */
  readonly complete: boolean;
}

/** A private field in a class's source, or a helper for one where a compiler has rewritten them. */
const PRIVATE = /#[A-Za-z_$]|private_?(?:field_?)?(?:[gs]et|init|add)/i;

/** What the module says of all that its `forward` reads besides properties: a value, or a method that gives one; undefined says nothing. */
export function traceKeyOf(module: Module): unknown {
  const { traceKey } = module as { readonly traceKey?: unknown };
  return typeof traceKey === 'function' ? traceKey.call(module) : traceKey;
}

/** Looks at a network as it is now. */
export function snapshotOf(network: Module): Snapshot {
  const [plain, keyed]: [unknown[], unknown[]] = [[], []];
  const push = (parts: unknown[]) => (part: unknown) => parts.push(part);
  const look = new Look(push(plain), push(keyed));
  look.module(network, look.plain);
  return { plain, keyed, complete: look.complete };
}

/** Whether a network still looks as it did. */
export function looksLike(network: Module, { plain, keyed }: Snapshot): boolean {
  const [inPlain, inKeyed] = [comparer(plain), comparer(keyed)];
  const look = new Look(inPlain.take, inKeyed.take);
  look.module(network, look.plain);
  return inPlain.isSame() && inKeyed.isSame();
}

/** Compares parts one by one, as they come. */
function comparer(parts: Parts) {
  let count = 0;
  let same = true;
  return {
    take(part: unknown): void {
      same &&= Object.is(parts[count++], part);
    },
    isSame: () => same && count === parts.length,
  };
}

type Take = (part: unknown) => void;

/** Where parts go, and what has gone there with all that it holds. */
interface Side {
  readonly take: Take;
  readonly known: Set<object>;
}

class Look {
  readonly plain: Side;
  readonly #keyed: Side;
  complete = true;

  constructor(plain: Take, keyed: Take) {
    this.plain = { take: plain, known: new Set() };
    this.#keyed = { take: keyed, known: new Set() };
  }

  /** @param within the side of the module that holds it */
  module(module: Module, within: Side): void {
    const key = traceKeyOf(module);
    const side = key === undefined ? within : this.#keyed;
    if (side.known.has(module)) return;
    side.known.add(module);
    side.take(module);
    if (key !== undefined) this.#value(key, side);
    if (side === this.plain && hidesState(module)) this.complete = false;
    const walksProperties = module.namedChildren === Module.prototype.namedChildren;
    for (const name of Object.keys(module)) {
      const value: unknown = Reflect.get(module, name);
      side.take(name);
      this.#value(value, side);
      if (walksProperties && value instanceof Module) this.module(value, side);
    }
    if (walksProperties) return;
    for (const [name, child] of module.namedChildren()) {
      side.take(name);
      side.take(child);
      this.module(child, side);
    }
  }

  /** Plain collections by what they hold, anything else, cells too, by identity; with a parameter its version, since `forward` may read its numbers. */
  #value(value: unknown, side: Side): void {
    if (typeof value !== 'object' || value === null || value instanceof Module || value instanceof Cell) {
      side.take(value);
    } else if (value instanceof Parameter) {
      side.take(value);
      side.take(value.version);
    } else if (side.known.has(value)) {
      side.take(value);
    } else {
      side.known.add(value);
      this.#collection(value, side);
    }
  }

  #collection(value: object, side: Side): void {
    const isList = Array.isArray(value);
    const names = isList || isPlainObject(value) ? Object.keys(value) : null;
    if (names === null || names.length > MOST_ENTRIES) {
      this.#hide(value, side);
      return;
    }
    side.take(isList ? value.length : 'object');
    for (const name of names) {
      const property = Object.getOwnPropertyDescriptor(value, name);
      side.take(name);
      // Accessors may do anything, and are not run.
      if (property === undefined || !('value' in property)) this.#hide(value, side);
      else this.#value(property.value, side);
    }
  }

  #hide(value: object, side: Side): void {
    side.take(value);
    if (side === this.plain) this.complete = false;
  }
}

/** By prototype. */
const hiding = new WeakMap<object, boolean>();

/** Whether a class of the module's has private fields that may change. */
function hidesState(module: Module): boolean {
  const prototype: object = Object.getPrototypeOf(module);
  let hides = hiding.get(prototype);
  if (hides === undefined) {
    hides = classesOf(prototype).some(mayChangePrivately);
    hiding.set(prototype, hides);
  }
  return hides;
}

function classesOf(prototype: object): unknown[] {
  const classes: unknown[] = [];
  for (let at = prototype; at !== Module.prototype; at = Object.getPrototypeOf(at))
    classes.push(at.constructor);
  return classes;
}

function mayChangePrivately(made: unknown): boolean {
  if (typeof made !== 'function' || Object.hasOwn(made, 'constantPrivates')) return false;
  return PRIVATE.test(Function.prototype.toString.call(made));
}
