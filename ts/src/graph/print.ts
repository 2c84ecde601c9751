/** Readable, stable text for graphs and placements: for docs, tests and session.explain(). */
import type { Kernels } from '../ops/kernels.js';
import { layoutBytes, printLayout } from '../ops/layout.js';
import { spell } from '../tensor/shape.js';
import type { Chosen } from './choose.js';
import type { Separated } from './constants.js';
import { type AnyNode, type Graph, type Node, type SomeGraph, type ValueId, valueAt } from './graph.js';
import type { LaidOut } from './lay_out.js';
import type { Place, PlacedPort, Placement, Step } from './place.js';

/** Attributes that say nothing in most nodes. */
const SILENT: Readonly<Record<string, string>> = {
  load: 'plain',
  loadProgram: '[]',
  program: '[]',
  paddingMode: 'zeros',
};

function show(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(show).join(' ')}]`;
  if (value === null || typeof value !== 'object') return Object.is(value, -0) ? '-0' : String(value);
  // A packing is known by its key.
  if ('key' in value) return String(value.key);
  return `{${Object.values(value).map(show).join(' ')}}`;
}

/** ` name=value` of each attribute that says something. */
export function attributesText({ attributes }: { readonly attributes: object }): string {
  return Object.entries(attributes)
    .map(([name, value]) => [name, show(value)] as const)
    .filter(([name, text]) => SILENT[name] !== text)
    .map(([name, text]) => ` ${name}=${text}`)
    .join('');
}

function typed(graph: SomeGraph, id: ValueId): string {
  const { dtype, shape } = valueAt(graph, id);
  return `%${id} ${dtype === 'float32' ? '' : `${dtype} `}${spell(shape)}`;
}

/** `%3`, a parameter by its name, or `-` for one that is absent. */
function operand(graph: SomeGraph, id: ValueId | null): string {
  if (id === null) return '-';
  const { parameter, name = 'parameter', shape } = valueAt(graph, id);
  return parameter === undefined ? `%${id}` : `${name} ${spell(shape)}`;
}

/** Without absent ones at the end. */
function withoutEnd<T>(list: readonly (T | null)[]): readonly (T | null)[] {
  return list.at(-1) === null ? withoutEnd(list.slice(0, -1)) : list;
}

/** Operands, without the absent ones at the end. */
function operands(graph: SomeGraph, inputs: readonly (ValueId | null)[]): string {
  return withoutEnd(inputs)
    .map((id) => operand(graph, id))
    .join(', ');
}

function nodeOf(graph: SomeGraph, node: Node<Record<string, object>>): string {
  const outputs = node.outputs.map((id) => typed(graph, id)).join(', ');
  return `${outputs} = ${node.op}(${operands(graph, node.inputs)})${attributesText(node)}  # ${node.name}`;
}

function stateOf(graph: SomeGraph): string[] {
  return graph.state.map(({ read, write }, index) => {
    const ports = [
      ...(read === undefined ? [] : [`read as ${operand(graph, read)}`]),
      ...(write === undefined ? [] : [`left as ${operand(graph, write)}`]),
    ];
    return `  cell ${index}: ${ports.join(', ')}`;
  });
}

/** One line a node: `%3 [1, 32, 64, 64] = conv(%0, encoder.0.weight [32, 3, 9, 9]) stride=[1 1] ...  # encoder.0`. */
export function printGraph<T>(graph: Graph<T>, title = 'graph'): string {
  const inputs = graph.inputs.map(({ value }) => typed(graph, value)).join(', ');
  const outputs = graph.outputs.map(({ value }) => operand(graph, value)).join(', ');
  const lines = graph.nodes.map(
    (node) => `  ${nodeOf(graph, node as unknown as Node<Record<string, object>>)}`,
  );
  return `${[`${title}(${inputs}) {`, ...lines, ...stateOf(graph), `  return ${outputs}`, '}'].join('\n')}\n`;
}

/** {@link printGraph}, and how values lie. */
export function printLaidOut({ graph, layouts }: LaidOut): string {
  const lines = layouts.map((layout, id) => `  %${id}: ${printLayout(layout)}, ${layoutBytes(layout)} bytes`);
  return `${printGraph(graph, 'laid out')}${['layouts {', ...lines, '}'].join('\n')}\n`;
}

/** One line a constant: what is computed once, of which parameters. */
export function printConstants({ graph }: LaidOut, { constants }: Separated): string {
  const lines = constants.map(({ layout, nodes, parameters }, index) => {
    const steps = nodes.map(({ op }) => op).join(', ');
    const of = parameters.map((id) => operand(graph, id)).join(', ');
    return `  weight#${index} ${printLayout(layout)}, ${layoutBytes(layout)} bytes: ${steps === '' ? 'as it is' : steps} of ${of}`;
  });
  return `${['constants {', ...lines, '}'].join('\n')}\n`;
}

/** What one reader of a normalisation's constants does with them. */
function applied({ op, name, attributes }: AnyNode<Kernels>): string {
  if (op !== 'pointwise') return `applied as ${name} loads`;
  const steps = attributes.program.map(({ step }) => step);
  return `applied in a pass${steps.length === 1 ? '' : ` of ${steps.join(', ')}`}`;
}

/** One line a normalisation: where its statistics are taken, and where it is applied. */
export function printNormalizations({ nodes }: Graph<Kernels>): string {
  const lines = nodes.flatMap((node): string[] => {
    if (node.op === 'instance_norm') {
      const steps = node.attributes.program.map(({ step }) => `, ${step}`).join('');
      return [`  ${node.name}: statistics and application${steps} a plane after the other`];
    }
    if (node.op !== 'statistics' && node.op !== 'running_constants') return [];
    const [constants] = node.outputs;
    const moments = node.op === 'statistics' && node.attributes.of === 'moments' ? node.inputs[0] : undefined;
    const producer = nodes.find(({ outputs }) => moments != null && outputs[1] === moments);
    const taken =
      node.op === 'running_constants'
        ? 'stored statistics'
        : `statistics ${producer === undefined ? 'in a pass of their own' : `as ${producer.name} stores`}`;
    const readers = nodes.filter(({ inputs }) => constants !== undefined && inputs.includes(constants));
    return [`  ${node.name}: ${[taken, ...readers.map(applied)].join('; ')}`];
  });
  return `${['normalisations {', ...lines, '}'].join('\n')}\n`;
}

/** One line a convolution: its algorithm, and why; then what becomes of transformed weights. */
export function printChosen(chosen: Chosen): string {
  const { precision, choices, transformed_bytes, kept_bytes, most_kept_bytes } = chosen;
  const anew = transformed_bytes - kept_bytes;
  return `${[
    `chosen for precision '${precision}' {`,
    ...choices.map(({ name, algorithm, why }) => `  ${name}: ${algorithm}  # ${why}`),
    `  transformed weights: ${kept_bytes} bytes kept of at most ${most_kept_bytes}, the smallest first; ${anew} transformed in each run`,
    '}',
  ].join('\n')}\n`;
}

function placeOf({ buffers }: Placement, { buffer, offset }: Place): string {
  const placed = buffers[buffer];
  if (placed?.constant != null) return `weight#${placed.constant}`;
  return `@${placed?.offset_bytes == null ? '?' : placed.offset_bytes + offset}`;
}

function stepOf(placement: Placement, step: Step): string {
  const at = (place: Place): string => placeOf(placement, place);
  const { node, call, inputs, outputs, temporaries, scratch } = step;
  const made = node.outputs.map((id, index) => {
    const [place, layout] = [outputs[index], call.layouts.outputs[index]];
    return place && layout ? `%${id} ${at(place)} ${printLayout(layout)}` : `%${id}`;
  });
  const read = withoutEnd(inputs);
  const extra = [
    ...temporaries.map((place) => `temporary ${at(place)}`),
    ...(scratch === null ? [] : [`scratch ${at(scratch)} of ${step.scratch_bytes} bytes a worker`]),
  ];
  const [output] = outputs;
  const inPlace =
    output && inputs.some((input) => input !== null && at(input) === at(output)) ? ' in place' : '';
  const rest = extra.length === 0 ? '' : ` (${extra.join(', ')})`;
  return `${made.join(', ')} = ${node.op}(${read.map((place) => (place === null ? '-' : at(place))).join(', ')})${inPlace}${rest}  # ${node.name}`;
}

/** One line a step, with layouts and byte offsets in the arena, then the buffers with their live ranges. */
export function printPlacement(placement: Placement): string {
  const { steps, buffers, arena_bytes, workers } = placement;
  const ends = (list: readonly PlacedPort[]): string =>
    list.map(({ place, bytes }) => `${placeOf(placement, place)} ${bytes} bytes`).join(', ');
  return `${[
    `placed for ${workers} worker${workers === 1 ? '' : 's'} in ${arena_bytes} bytes {`,
    `  inputs ${ends(placement.inputs)}`,
    ...steps.map((step, index) => `  ${index}: ${stepOf(placement, step)}`),
    `  outputs ${ends(placement.outputs)}`,
    ...buffers
      .filter(({ constant }) => constant === null)
      .map(
        ({ label, offset_bytes, bytes, first, last }) =>
          `  buffer @${offset_bytes} ${bytes} bytes, steps ${first}..${last}  # ${label}`,
      ),
    '}',
  ].join('\n')}\n`;
}
