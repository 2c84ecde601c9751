/** trace: runs a function of symbolic values and writes down what it does, in operators. Dead values are dropped at the end. */
import { hintFor } from '../copies.js';
import { ArgumentError, OutOfMemoryError, ShapeError } from '../errors.js';
import { shown } from '../spell.js';
import { isShape, numel, type Shape, sameShape, spell } from '../tensor/shape.js';
import { notSymbolic, Tensor } from '../tensor/tensor.js';
import type { Cell } from './cell.js';
import {
  type AnyNode,
  dropDead,
  type Graph,
  type GraphValue,
  type Port,
  type StatePort,
  type ValueId,
  writtenOf,
} from './graph.js';
import { interned } from './interned.js';
import { type OperatorName, type Operators, operatorOf } from './operators/index.js';
import { floats, type ValueType } from './operators/operator.js';
import { Parameter } from './parameter.js';
import { type Recorder, withRecorder } from './recorder.js';
import { Value } from './value.js';

export interface TraceInput {
  readonly shape: Shape;
  /** float32 unless the input is raw pixels. */
  readonly dtype?: 'float32' | 'uint8';
}

/** How the caller's outputs are put together from the graph's. */
export type OutputStructure =
  | { readonly kind: 'single' }
  | { readonly kind: 'list' }
  | { readonly kind: 'record'; readonly keys: readonly string[] };

/** What a traced function may return. */
export type Outputs = Value | Value[] | Record<string, Value>;

export interface Traced {
  readonly graph: Graph<Operators>;
  readonly structure: OutputStructure;
}

/** What the nodes and parameters of a trace are called. */
export interface Names {
  /** Dotted paths of modules. */
  readonly paths: ReadonlyMap<object, string>;
  /** State-dict keys of now: a module may make its parameters in its first call. */
  keys(): ReadonlyMap<Parameter, string>;
}

class Trace implements Recorder {
  readonly values: GraphValue[] = [];
  readonly nodes: AnyNode<Operators>[] = [];
  readonly #names: Names;
  readonly #keys: ReadonlyMap<Parameter, string>;
  readonly #scopes: string[] = [];
  readonly #parameters = new Map<Parameter, Value>();
  readonly #cells = new Map<Cell, { read?: ValueId; write?: ValueId }>();
  readonly #shared = new Set<ValueId>();

  constructor(names: Names) {
    this.#names = names;
    this.#keys = names.keys();
  }

  value(value: GraphValue & ValueType): Value {
    const shape = Object.freeze([...value.shape]);
    const id = this.values.push({ ...value, shape }) - 1;
    return new Value(this, { id, shape, dtype: value.dtype });
  }

  id(value: Value, op: string): ValueId {
    const binding = Value.bindingOf(value, this);
    if (binding !== null) return binding.id;
    throw new ArgumentError('a value of another trace', {
      op,
      hint: 'Values live only inside the forward call that received them; do not keep them.',
    });
  }

  operand(x: unknown, op: string): Value {
    if (x instanceof Value) {
      this.id(x, op);
      return x;
    }
    if (x instanceof Parameter) return this.#parameter(x);
    throw refuse(x, op);
  }

  #parameter(parameter: Parameter): Value {
    const known = this.#parameters.get(parameter);
    if (known !== undefined) return known;
    const name = this.#keys.get(parameter) ?? parameter.key ?? undefined;
    const named = name === undefined ? {} : { name };
    const made = this.value({ shape: parameter.shape, dtype: 'float32', parameter, ...named });
    this.#parameters.set(parameter, made);
    return made;
  }

  append<K extends OperatorName>(
    op: K,
    inputs: readonly (Value | null)[],
    attributes: Operators[K],
    caller: string,
  ): Value {
    const name = this.#scopes.at(-1) ?? caller;
    const operator = operatorOf(op);
    const ids = inputs.map((input) => (input === null ? null : this.id(input, caller)));
    ids.forEach((id, index) => {
      if (id !== null) this.#nameParameter(id, name, operator.roles[index]);
    });
    const [type, ...others] = operator.infer(attributes, inputs, caller);
    if (type === undefined || others.length > 0) throw new RangeError(`${op} has not one output`);
    checkElems(type.shape, caller, 'the result is too large', spell(type.shape));
    const output = this.value(type);
    // A Node<K> is an AnyNode for every K; the compiler cannot distribute over a type parameter.
    this.nodes.push({
      op,
      name,
      attributes,
      inputs: ids,
      outputs: [this.id(output, caller)],
    } as unknown as AnyNode<Operators>);
    return output;
  }

  /** A parameter that no state dict names is called by its first use. */
  #nameParameter(id: ValueId, user: string, role: string | undefined): void {
    const value = this.values[id];
    if (value?.parameter !== undefined && value.name === undefined)
      this.values[id] = { ...value, name: role === undefined ? user : `${user}.${role}` };
  }

  rebind(target: Value, value: Value, op: string): void {
    const old = Value.bindingOf(target, this);
    const next = Value.bindingOf(value, this);
    if (old === null || next === null) throw new ArgumentError('a value of another trace', { op });
    if (this.#shared.has(old.id)) {
      throw new ArgumentError('in place on a value that shares its elements with a view', {
        op,
        hint: 'Leave out { inplace: true } here.',
      });
    }
    Value.rebind(target, next);
  }

  alias(a: Value, b: Value): void {
    this.#shared.add(this.id(a, 'view'));
    this.#shared.add(this.id(b, 'view'));
  }

  read(cell: Cell): Value {
    const ports = this.#cells.get(cell) ?? {};
    // What is written in this run is read in this run, too.
    const id = ports.write ?? ports.read;
    if (id !== undefined) return new Value(this, { id, ...floats(cell.shape) });
    const value = this.value(floats(cell.shape));
    this.#cells.set(cell, { read: this.id(value, 'read') });
    return value;
  }

  write(cell: Cell, value: Value): void {
    if (!sameShape(cell.shape, value.shape)) throw new RangeError('a cell keeps its shape');
    this.#cells.set(cell, { ...this.#cells.get(cell), write: this.id(value, 'write') });
  }

  /** Has one parameter stand for all that were made while tracing with its content, but those that a module has kept. */
  intern(): void {
    const made = [...this.#parameters.keys()].filter((one) => one.madeInTrace && !this.#keys.has(one));
    const kept = made.length === 0 ? this.#keys : this.#names.keys();
    const numbers = new Set(made.filter((one) => !kept.has(one)));
    this.values.forEach((value, id) => {
      const { parameter } = value;
      if (parameter !== undefined && numbers.has(parameter))
        this.values[id] = { ...value, parameter: interned(parameter) };
    });
  }

  get state(): StatePort[] {
    return [...this.#cells].map(([cell, ports]) => ({ cell, ...ports }));
  }

  scope<T>(module: object, kind: string, body: () => T): T {
    const path = this.#names.paths.get(module);
    this.#scopes.push(path === undefined || path === '' ? kind : path);
    try {
      return body();
    } finally {
      this.#scopes.pop();
    }
  }
}

function refuse(x: unknown, op: string): ArgumentError {
  if (x instanceof Tensor) return notSymbolic(x, op);
  return new ArgumentError('not a value', {
    op,
    got: shown(x),
    wanted: 'a value or a Parameter',
    ...hintFor(x),
  });
}

/** Beyond this, what is counted of layouts and placements would lose precision; what merely does not fit memory is refused by its bytes later. */
const MOST_ELEMS = 2 ** 44;

/** Refuses sizes that are not whole numbers above zero, and absurd ones. */
function checkInput(shape: Shape, op: string, index: number): void {
  if (!isShape(shape, 1)) {
    throw new ShapeError('an empty or impossible shape', {
      op,
      got: `${shown(shape)} for input ${index}`,
      wanted: 'whole numbers >= 1',
    });
  }
  checkElems(shape, op, 'the input is too large', `${spell(shape)} for input ${index}`);
}

function checkElems(shape: Shape, op: string, what: string, got: string): void {
  const total = numel(shape);
  if (total <= MOST_ELEMS) return;
  const wanted = 'at most 2^44 elements';
  throw new OutOfMemoryError(what, { op, got, wanted, wantedBytes: total * 4, largestSide: null });
}

/** Refuses an input that `forward` neither declares nor reads: rest and default parameters are not declared, but those are read. */
function checkSurplus(
  inputs: readonly ValueId[],
  declared: number,
  read: ReadonlySet<ValueId>,
  op: string,
): void {
  const surplus = inputs.findIndex((id, index) => index >= declared && !read.has(id));
  if (surplus === -1) return;
  throw new ArgumentError('more inputs than forward takes', {
    op,
    got: `${inputs.length}, of which input ${surplus} is never read`,
    wanted: String(declared),
  });
}

function outputsOf(
  result: Outputs,
  trace: Trace,
  op: string,
): { ids: ValueId[]; structure: OutputStructure } {
  const id = (x: unknown): ValueId => trace.id(trace.operand(x, `${op} output`), op);
  if (result instanceof Value || result instanceof Parameter)
    return { ids: [id(result)], structure: { kind: 'single' } };
  if (Array.isArray(result)) {
    if (result.length > 0) return { ids: [...result].map(id), structure: { kind: 'list' } };
  } else if (
    result !== null &&
    typeof result === 'object' &&
    !(result instanceof Tensor) &&
    !('then' in result)
  ) {
    const keys = Object.keys(result);
    if (keys.length > 0)
      return { ids: keys.map((key) => id(result[key])), structure: { kind: 'record', keys } };
  }
  throw new ArgumentError('no output', {
    op,
    got: shown(result),
    wanted: 'a value, a list of values or a record of values',
    hint: 'Does forward return its result? It must not be async.',
  });
}

/** A function to trace. */
export interface Subject {
  readonly body: (...values: Value[]) => Outputs;
  /** What it is called in messages. */
  readonly op: string;
  /** Inputs that it declares. */
  readonly declared: number;
  readonly names: Names;
}

/**
 * Traces a function for inputs of these shapes.
 * @throws {@link ShapeError} when the inputs do not suit an operator, or are empty
 * @throws {@link ArgumentError} when it returns no values, or there are more inputs than it takes
 */
export function trace({ body, op, declared, names }: Subject, inputs: readonly TraceInput[]): Traced {
  inputs.forEach(({ shape }, index) => {
    checkInput(shape, op, index);
  });
  const written = new Trace(names);
  const symbols = inputs.map(({ shape, dtype }) => written.value({ shape, dtype: dtype ?? 'float32' }));
  // A layer may rebind its argument in place, so the ids are read before.
  const inputIds = symbols.map((symbol) => written.id(symbol, op));
  const result = withRecorder(written, () => body(...symbols));
  const { ids, structure } = withRecorder(written, () => outputsOf(result, written, op));
  written.intern();
  const { values, nodes, state } = written;
  const read = nodes.flatMap((node) => node.inputs.filter((id) => id !== null));
  checkSurplus(inputIds, declared, new Set([...ids, ...writtenOf(state), ...read]), op);
  const port = (value: ValueId): Port => ({ value, layout: 'dense' });
  return {
    graph: dropDead({ values, inputs: inputIds.map(port), nodes, outputs: ids.map(port), state }),
    structure,
  };
}
