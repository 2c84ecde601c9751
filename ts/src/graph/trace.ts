/** trace: runs a module or function on symbolic values and writes down what it does. Dead values are dropped at the end. */
import { isPlainObject } from '../brand.js';
import { hintFor } from '../copies.js';
import { ArgumentError, OutOfMemoryError, ShapeError } from '../errors.js';
import { kindOf, Module, type ModuleOutput } from '../nn/module.js';
import { shown } from '../spell.js';
import { isShape, numel, spell } from '../tensor/shape.js';
import { notSymbolic, Tensor } from '../tensor/tensor.js';
import type { AnyNode, Graph, GraphValue, Node, OpAttributes, OpName, Shape, ValueId } from './ir.js';
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

export type Traceable = Module | ((...values: Value[]) => ModuleOutput);

export interface Traced {
  readonly graph: Graph;
  readonly structure: OutputStructure;
}

class Trace implements Recorder {
  readonly values: GraphValue[] = [];
  readonly nodes: AnyNode[] = [];
  readonly #paths: ReadonlyMap<Module, string>;
  readonly #keys: ReadonlyMap<Parameter, string>;
  readonly #scopes: string[] = [];
  readonly #parameters = new Map<Parameter, Value>();
  readonly #shared = new Set<ValueId>();

  constructor(root: Module | null) {
    this.#paths = new Map(root === null ? [] : root.namedModules().map(([path, module]) => [module, path]));
    this.#keys = new Map(
      root === null ? [] : [...root.stateDict()].map(([key, parameter]) => [parameter, key]),
    );
  }

  value(shape: Shape, dtype: 'float32' | 'uint8'): Value {
    const id = this.values.length;
    const checked = Object.freeze([...shape]);
    this.values.push({ id, shape: checked, dtype });
    return new Value(this, { id, shape: checked, dtype });
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
    if (x instanceof Parameter) {
      const known = this.#parameters.get(x);
      if (known !== undefined) return known;
      const made = this.append('parameter', [], {}, x.shape, { weights: { value: x } });
      this.#parameters.set(x, made);
      return made;
    }
    throw refuse(x, op);
  }

  append<K extends OpName>(
    op: K,
    inputs: readonly Value[],
    attributes: OpAttributes[K],
    shape: Shape,
    options: {
      readonly weights?: Readonly<Record<string, Parameter | null>>;
      readonly dtype?: 'float32' | 'uint8';
    } = {},
  ): Value {
    const ids = inputs.map((input) => this.id(input, op));
    const output = this.value(shape, options.dtype ?? 'float32');
    const weights: Record<string, Parameter> = {};
    for (const [role, parameter] of Object.entries(options.weights ?? {})) {
      if (parameter !== null) weights[role] = parameter;
    }
    const node: Node<K> = {
      op,
      name: this.#nameOf(op, attributes, weights),
      inputs: ids,
      output: this.id(output, op),
      attributes,
      weights,
    };
    // A Node<K> is an AnyNode for every K; the compiler cannot distribute over a type parameter.
    this.nodes.push(node as unknown as AnyNode);
    return output;
  }

  /** The module's path; outside of layers the parameter's key, or what is done. */
  #nameOf(op: OpName, attributes: object, weights: Readonly<Record<string, Parameter>>): string {
    if (op === 'parameter') return (weights.value && this.#keys.get(weights.value)) ?? op;
    const kind: unknown = 'kind' in attributes ? attributes.kind : undefined;
    return this.#scopes.at(-1) ?? (typeof kind === 'string' ? kind : op);
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

  scope<T>(module: Module, body: () => T): T {
    const path = this.#paths.get(module);
    this.#scopes.push(path === undefined || path === '' ? kindOf(module) : path);
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

/** Beyond this, byte counts of placements would lose precision; what merely does not fit memory is refused by its bytes later. */
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
  const total = numel(shape);
  if (total <= MOST_ELEMS) return;
  throw new OutOfMemoryError('the input is too large', {
    op,
    got: `${spell(shape)} for input ${index}`,
    wanted: 'at most 2^44 elements',
    wantedBytes: total * 4,
    largestSide: null,
  });
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
  result: ModuleOutput,
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

/** The graph without nodes that no output needs; ids are renumbered. */
export function dropDead(graph: Graph): Graph {
  const alive = new Set<ValueId>(graph.outputs);
  const nodes: AnyNode[] = [];
  for (const node of [...graph.nodes].reverse()) {
    if (!alive.has(node.output)) continue;
    for (const input of node.inputs) alive.add(input);
    nodes.unshift(node);
  }
  for (const input of graph.inputs) alive.add(input);
  const renamed = new Map<ValueId, ValueId>();
  const values: GraphValue[] = [];
  for (const value of graph.values) {
    if (!alive.has(value.id)) continue;
    renamed.set(value.id, values.length);
    values.push({ ...value, id: values.length });
  }
  const rename = (id: ValueId): ValueId => renamed.get(id) ?? -1;
  return {
    values,
    inputs: graph.inputs.map(rename),
    nodes: nodes.map((node) => ({ ...node, inputs: node.inputs.map(rename), output: rename(node.output) })),
    outputs: graph.outputs.map(rename),
  };
}

/**
 * Traces `target` for inputs of these shapes. Nodes are named by their module's path in `names`, by default the target itself.
 * @throws {@link ShapeError} when the inputs do not suit a layer, or are empty
 * @throws {@link ArgumentError} when the target returns no values, or there are more inputs than it takes
 */
export function traceModule(target: Traceable, inputs: readonly TraceInput[], names?: Module): Traced {
  const module = target instanceof Module ? target : null;
  const isClass =
    typeof target === 'function' &&
    (target.prototype instanceof Module ||
      /^class\b(?!\s*\()/.test(Function.prototype.toString.call(target)));
  if (isClass || (module === null && typeof target !== 'function')) {
    const isModel = module === null && isPlainObject(target) && 'network' in target;
    throw new ArgumentError('nothing to run', {
      op: 'trace',
      got: isClass ? 'a class' : shown(target),
      wanted: 'a Module or a function of values',
      ...hintFor(
        target,
        isClass ? 'Did you forget `new`?' : isModel ? 'Of a model, pass its `network`.' : undefined,
      ),
    });
  }
  const op = module === null ? 'function' : kindOf(module);
  inputs.forEach(({ shape }, index) => {
    checkInput(shape, op, index);
  });
  const trace = new Trace(names ?? module);
  const symbols = inputs.map(({ shape, dtype }) => trace.value(shape, dtype ?? 'float32'));
  // A layer may rebind its argument in place, so the ids are read before.
  const inputIds = symbols.map((symbol) => trace.id(symbol, op));
  const result = withRecorder(trace, () =>
    target instanceof Module ? target.forward(...symbols) : target(...symbols),
  );
  const { ids, structure } = withRecorder(trace, () => outputsOf(result, trace, op));
  const { length: declared } = target instanceof Module ? target.forward : target;
  checkSurplus(inputIds, declared, new Set([...ids, ...trace.nodes.flatMap((node) => node.inputs)]), op);
  return {
    graph: dropDead({ values: trace.values, inputs: inputIds, nodes: trace.nodes, outputs: ids }),
    structure,
  };
}
