/** Module: PyTorch's nn.Module without autograd. Parameters, buffers and children are found by walking properties; nothing registers. */
import { isMap, isPlainObject, isSet } from '../brand.js';
import { markCopy } from '../copies.js';
import { ArgumentError } from '../errors.js';
import { Buffer, Parameter } from '../graph/parameter.js';
import { inScope } from '../graph/recorder.js';
import type { Outputs } from '../graph/trace.js';
import type { Value } from '../graph/value.js';
import {
  type LoadOptions,
  type LoadResult,
  loadInto,
  type StateDict,
  type StateDictSource,
} from './state_dict.js';

/** What `forward` may return. */
export type ModuleOutput = Outputs;

/**
 * Base of all layers and networks. A subclass assigns layers, Parameters and Buffers to properties and describes its computation in `forward`,
 * which sees symbolic values only; `engine.run(module, tensor)` computes.
 */
export abstract class Module {
  /** Spelled out, because bundlers rename classes, and consoles and messages show it. */
  static readonly name: string = 'Module';
  /** Name of the layer in messages: a literal, because minifiers rename classes. */
  static readonly kind: string = 'Module';

  /** False after {@link eval}; some layers behave differently then. */
  training = true;

  /**
   * What the module computes, of symbolic values: in TypeScript `override forward(x: Value): Value`. A Tensor has no place here; it is what
   * `engine.run` takes and gives, and inside a new Parameter(tensor) stands for it.
   *
   * What it gives for inputs of known shapes is kept as long as the properties of the module and its descendants stay the same. If it reads
   * anything else that changes, the module needs a `traceKey`: a property, getter or method whose value (plain data) changes with that. A
   * module with a key is called once for each key and shapes, one without twice, and one without that has private fields, objects of other
   * classes as properties, or a `forward` that changes them, at every run.
   */
  abstract forward(...inputs: Value[]): ModuleOutput;

  /** Sets training mode here and in all descendants. */
  train(mode = true): this {
    for (const [, module] of this.namedModules()) module.training = mode;
    return this;
  }

  /** Sets evaluation mode here and in all descendants. */
  eval(): this {
    return this.train(false);
  }

  /** The direct children and their names, in the order of their assignment. Containers override it. */
  namedChildren(): [name: string, child: Module][] {
    return Object.entries(this).filter((entry): entry is [string, Module] => entry[1] instanceof Module);
  }

  /** The direct children. */
  children(): Module[] {
    return this.namedChildren().map(([, child]) => child);
  }

  /**
   * This module ('') and all descendants with their dotted paths, each once.
   * @throws {@link ArgumentError} when a module contains itself, or one stands in an array or another plain collection, where no walk finds it
   */
  namedModules(): [path: string, module: Module][] {
    const found = new Map<Module, string>();
    for (const [path, module] of walked(this)) if (!found.has(module)) found.set(module, path);
    return [...found].map(([module, path]) => [path, module]);
  }

  /** Parameters (no buffers) of this module and all descendants by dotted name, each once. */
  namedParameters(): [name: string, parameter: Parameter][] {
    const found = new Map<Parameter, string>();
    for (const [name, entry] of this.stateDict()) {
      if (!(entry instanceof Buffer) && !found.has(entry)) found.set(entry, name);
    }
    return [...found].map(([parameter, name]) => [name, parameter]);
  }

  /** Parameters (no buffers) of this module and all descendants, each once. */
  parameters(): Parameter[] {
    return this.namedParameters().map(([, parameter]) => parameter);
  }

  /**
   * Every parameter and buffer by PyTorch's key, in PyTorch's order: of each module first parameters, then buffers, then children.
   * @throws {@link ArgumentError} as {@link namedModules}
   */
  stateDict(): StateDict {
    const entries = new Map<string, Parameter>();
    for (const [path, module] of walked(this)) {
      const own = Object.entries(module).filter(
        (entry): entry is [string, Parameter] => entry[1] instanceof Parameter,
      );
      const isBuffer = ([, entry]: [string, Parameter]): boolean => entry instanceof Buffer;
      for (const [property, entry] of [...own.filter((one) => !isBuffer(one)), ...own.filter(isBuffer)]) {
        entries.set(join(path, entry.key ?? property), entry);
      }
    }
    return entries;
  }

  /**
   * Takes the values of `tensors` by key; the next run uses them. Nothing changes when it throws.
   * @returns the keys that were missing or unexpected, which only `{ strict: false }` lets pass
   * @throws {@link StateDictError} listing every missing, unexpected and wrong-shape key at once
   */
  loadStateDict(tensors: StateDictSource, options: LoadOptions = {}): LoadResult {
    return loadInto(this.stateDict(), tensors, options, kindOf(this));
  }
}

markCopy(Module.prototype);

/** The literal name of a module's class. */
export function kindOf(module: Module): string {
  const { kind } = module.constructor as typeof Module;
  return kind;
}

/** Runs `body` with nodes named after `module`. */
export function inModule<T>(module: Module, body: () => T): T {
  return inScope(module, kindOf(module), body);
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

/** Every occurrence of every module, parents first. */
function* walk(module: Module, path: string, ancestors: readonly Module[]): Generator<[string, Module]> {
  if (ancestors.includes(module)) {
    throw new ArgumentError('a module contains itself', {
      op: kindOf(module),
      got: `the same module at '${path}'`,
      hint: 'Keep references to parents in a private #field, which is not walked.',
    });
  }
  yield [path, module];
  for (const [name, child] of module.namedChildren())
    yield* walk(child, join(path, name), [...ancestors, module]);
}

/** {@link walk}, and nothing left out. */
function walked(root: Module): readonly [path: string, module: Module][] {
  const occurrences = [...walk(root, '', [])];
  const overlooked: { held: Module | Parameter; place: string }[] = [];
  // Each trace comes here: loops, since lists of lists took a tenth of a small run.
  for (const [path, module] of occurrences) {
    for (const [property, value] of Object.entries(module))
      for (const held of heldIn(value)) overlooked.push({ held, place: join(path, property) });
  }
  if (overlooked.length === 0) return occurrences;
  const found = new Set(occurrences.flatMap(([, module]) => [module, ...Object.values(module)]));
  const lost = overlooked.find(({ held }) => !found.has(held));
  if (lost === undefined) return occurrences;
  const { held, place } = lost;
  throw new ArgumentError(`what '${place}' holds is not part of the network`, {
    op: kindOf(root),
    got: `a ${held instanceof Module ? kindOf(held) : 'Parameter'} in an array or another plain collection`,
    wanted: 'an nn.ModuleList, or a property of its own for each',
    hint: 'References to what is part of another network belong in a private #field, which is not walked.',
  });
}

/** Beyond so many entries a collection is one of data. */
export const MOST_ENTRIES = 1000;

function isPart(value: unknown): value is Module | Parameter {
  return value instanceof Module || value instanceof Parameter;
}

/** The modules and parameters in an array, Map, Set or plain object, and in such collections inside it. */
function heldIn(collection: unknown): (Module | Parameter)[] {
  const entries = entriesOf(collection);
  // Of nearly every property: each trace looks at all of them.
  if (entries.length === 0) return [];
  const held: (Module | Parameter)[] = [];
  // A Set gives what is added to it while it is read, each once: collections may contain themselves.
  const seen = new Set(entries);
  for (const entry of seen) {
    if (isPart(entry)) held.push(entry);
    else if (seen.size < MOST_ENTRIES) for (const inner of entriesOf(entry)) seen.add(inner);
  }
  return held;
}

/** The objects in a collection; none in anything else, such as a module. */
function entriesOf(value: unknown): readonly unknown[] {
  if (value === null || typeof value !== 'object' || isPart(value)) return [];
  let entries: readonly unknown[] = [];
  if (Array.isArray(value)) entries = value.slice(0, MOST_ENTRIES);
  // Only what has a size is asked: to tell that something is no Map takes an exception, some 7 us.
  else if ('size' in value && (isMap(value) || isSet(value))) entries = [...value.values()];
  else if (isPlainObject(value)) {
    // Not Object.values, which runs getters, and those may do anything.
    entries = Object.values(Object.getOwnPropertyDescriptors(value)).map(
      (property) => property.value as unknown,
    );
  }
  return entries.filter((entry) => typeof entry === 'object');
}
