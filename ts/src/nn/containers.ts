/** Sequential and ModuleList: modules whose children are numbered, so that state-dict keys are `0.weight`, `1.weight`, ... */
import { isPlainObject } from '../brand.js';
import { hintFor } from '../copies.js';
import { ArgumentError } from '../errors.js';
import { input } from '../graph/methods/operand.js';
import { Value } from '../graph/value.js';
import { shown } from '../spell.js';
import { kindOf, Module } from './module.js';

function checkModule(child: unknown, op: string, name: string): Module {
  if (child instanceof Module) return child;
  throw new ArgumentError('not a module', {
    op,
    got: `${shown(child)} at '${name}'`,
    wanted: 'a Module',
    ...hintFor(child, 'Did you forget `new`?'),
  });
}

function checkIndex(index: number, op: string): number {
  if (Number.isSafeInteger(index)) return index;
  throw new ArgumentError('not an index', { op, got: shown(index), wanted: 'a whole number' });
}

/** Runs modules one after another. Takes modules (named 0, 1, ...) or one record of named modules. */
export class Sequential extends Module {
  static override readonly kind: string = 'Sequential';
  /** For nn/snapshot.ts: what lies in private fields never changes. */
  static readonly constantPrivates: boolean = true;
  // Private, so that the walk sees the children under their own names only.
  readonly #entries: readonly [name: string, child: Module][];

  constructor(...modules: readonly Module[] | readonly [Readonly<Record<string, Module>>]) {
    super();
    const [first] = modules;
    const named = modules.length === 1 && isPlainObject(first);
    const entries = Object.entries<unknown>(named ? (first as Readonly<Record<string, Module>>) : modules);
    this.#entries = entries.map(([name, child]) => [name, checkModule(child, 'Sequential', name)]);
  }

  get length(): number {
    return this.#entries.length;
  }

  /** The child at `index`; negative ones count from the end. @throws {@link ArgumentError} for what is not a whole number */
  at(index: number): Module | undefined {
    return this.#entries.at(checkIndex(index, 'Sequential'))?.[1];
  }

  [Symbol.iterator](): Iterator<Module> {
    return this.children().values();
  }

  override namedChildren(): [name: string, child: Module][] {
    return [...this.#entries, ...super.namedChildren()];
  }

  override forward(x: Value): Value {
    return this.#entries.reduce(
      (value: Value, [name, child]) => {
        const y = child.forward(value);
        if (y instanceof Value) return y;
        throw new ArgumentError('a module inside Sequential returned more than one value', {
          op: kindOf(this),
          got: `${kindOf(child)} at '${name}'`,
          wanted: 'one value',
        });
      },
      input(x, kindOf(this)),
    );
  }
}

/** A list of modules to use in a `forward` of one's own. */
export class ModuleList extends Module {
  static override readonly kind: string = 'ModuleList';
  /** For nn/snapshot.ts: what lies in private fields never changes unseen by namedChildren. */
  static readonly constantPrivates: boolean = true;
  readonly #modules: Module[];

  /** @throws {@link ArgumentError} for anything but a list of modules */
  constructor(modules: Iterable<Module> = []) {
    super();
    const iterable = modules !== null && typeof modules === 'object' && Symbol.iterator in modules;
    if (!iterable || ArrayBuffer.isView(modules)) {
      throw new ArgumentError('not a list of modules', {
        op: 'ModuleList',
        got: shown(modules),
        wanted: 'an array, or another iterable, of Modules',
      });
    }
    this.#modules = [...modules].map((child, index) => checkModule(child, 'ModuleList', String(index)));
  }

  get length(): number {
    return this.#modules.length;
  }

  /** The module at `index`; negative ones count from the end. @throws {@link ArgumentError} for what is not a whole number */
  at(index: number): Module | undefined {
    return this.#modules.at(checkIndex(index, 'ModuleList'));
  }

  append(module: Module): this {
    this.#modules.push(checkModule(module, 'ModuleList', String(this.#modules.length)));
    return this;
  }

  [Symbol.iterator](): Iterator<Module> {
    return this.#modules.values();
  }

  override namedChildren(): [name: string, child: Module][] {
    return [
      ...this.#modules.map((child, index): [string, Module] => [String(index), child]),
      ...super.namedChildren(),
    ];
  }

  /** @throws {@link ArgumentError} always: a list has no order of computation */
  override forward(): never {
    throw new ArgumentError('a list cannot be run', {
      op: 'ModuleList',
      hint: 'Call its modules in forward, or use Sequential.',
    });
  }
}
