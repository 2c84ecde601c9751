/** Readable, stable text for graphs and placements: for docs, tests and session.explain(). */

import { printLayout } from '../ops/layout.js';
import { spell } from '../tensor/shape.js';
import type { Chosen } from './choose.js';
import type { AnyNode, Graph, ValueId } from './ir.js';
import type { Place, Placement, Step } from './place.js';

/** Attributes that say nothing in most nodes. */
const SILENT: Readonly<Record<string, string>> = {
  activation: 'none',
  residual: 'false',
  load: 'plain',
  paddingMode: 'zeros',
};

function show(value: unknown): string {
  return Array.isArray(value) ? `[${value.map(show).join(' ')}]` : String(value);
}

function attributesOf(node: AnyNode): string {
  return Object.entries(node.attributes)
    .map(([name, value]) => [name, show(value)] as const)
    .filter(([name, text]) => SILENT[name] !== text)
    .map(([name, text]) => ` ${name}=${text}`)
    .join('');
}

function weightsOf(node: AnyNode): string {
  const roles = Object.entries(node.weights).map(([role, { shape }]) => `${role} ${spell(shape)}`);
  return roles.length === 0 ? '' : ` {${roles.join(', ')}}`;
}

function typed(graph: Graph, id: ValueId): string {
  const value = graph.values[id];
  return value === undefined
    ? `%${id}`
    : `%${id} ${value.dtype === 'float32' ? '' : `${value.dtype} `}${spell(value.shape)}`;
}

function nodeOf(graph: Graph, node: AnyNode): string {
  const inputs = node.inputs.map((id) => `%${id}`).join(', ');
  const moments = node.moments === undefined ? '' : `, ${typed(graph, node.moments)}`;
  return `${typed(graph, node.output)}${moments} = ${node.op}(${inputs})${attributesOf(node)}${weightsOf(node)}  # ${node.name}`;
}

/** One line a node: `%3 [1, 32, 64, 64] = conv2d(%0) stride=[1 1] ... {weight [32, 3, 9, 9]}  # encoder.0`. */
export function printGraph(graph: Graph, title = 'graph'): string {
  const inputs = graph.inputs.map((id) => typed(graph, id)).join(', ');
  const outputs = graph.outputs.map((id) => `%${id}`).join(', ');
  const lines = graph.nodes.map((node) => `  ${nodeOf(graph, node)}`);
  return `${[`${title}(${inputs}) {`, ...lines, `  return ${outputs}`, '}'].join('\n')}\n`;
}

/** One line a normalisation: where its statistics are taken, and where it is applied. */
export function printNormalizations({ nodes }: Graph): string {
  const lines = nodes.flatMap((node): string[] => {
    if (node.op === 'normalize' && node.attributes.statistics !== 'given')
      return [`  ${node.name}: not taken apart`];
    if (node.op !== 'statistics' && node.op !== 'running_constants') return [];
    const producer = nodes.find(({ moments }) => moments !== undefined && node.inputs.includes(moments));
    const taken =
      node.op === 'running_constants'
        ? 'stored statistics'
        : `statistics ${producer === undefined ? 'in a pass of their own' : `as ${producer.name} stores`}`;
    const applied = nodes
      .filter(({ inputs }) => inputs.includes(node.output))
      .map((reader) =>
        reader.op === 'normalize'
          ? `applied in a pass${reader.attributes.residual ? ', with the sum' : ''}`
          : `applied as ${reader.name} loads`,
      );
    return [`  ${node.name}: ${[taken, ...applied].join('; ')}`];
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

function placeOf(placement: Placement, place: Place): string {
  if ('constant' in place) return `weight#${place.constant}`;
  return `@${placement.buffers[place.buffer]?.offset_bytes ?? '?'}`;
}

function stepOf(placement: Placement, step: Step): string {
  const at = (place: Place): string => placeOf(placement, place);
  if (step.kind === 'reorder') {
    return `%${step.value} ${at(step.output)} = reorder(${at(step.input)}) ${printLayout(step.from)} -> ${printLayout(step.to)}`;
  }
  const { node, shapes, inputs, output, moments, temporaries, scratch } = step;
  const dims = shapes.dims.output;
  const layout = dims === null ? 'bytes' : `blocked ${dims.join('x')}`;
  const extra = [
    ...(moments === null ? [] : [`moments ${at(moments)}`]),
    ...temporaries.map((buffer) => `temporary ${at({ buffer })}`),
    ...(scratch === null
      ? []
      : [`scratch ${at({ buffer: scratch })} of ${step.scratch_bytes} bytes a worker`]),
  ];
  const inPlace = inputs.some((input) => at(input) === at(output)) ? ' in place' : '';
  const rest = extra.length === 0 ? '' : ` (${extra.join(', ')})`;
  return `%${node.output} ${at(output)} = ${node.op}(${inputs.map(at).join(', ')})${inPlace} ${layout}${rest}  # ${node.name}`;
}

/** One line a step, with layouts and byte offsets in the arena, then the buffers with their live ranges. */
export function printPlacement(placement: Placement): string {
  const { steps, buffers, arena_bytes, workers } = placement;
  const ends = (list: Placement['inputs']): string =>
    list.map(({ buffer, bytes }) => `${placeOf(placement, { buffer })} ${bytes} bytes`).join(', ');
  return `${[
    `placed for ${workers} worker${workers === 1 ? '' : 's'} in ${arena_bytes} bytes {`,
    `  inputs ${ends(placement.inputs)}`,
    ...steps.map((step, index) => `  ${index}: ${stepOf(placement, step)}`),
    `  outputs ${ends(placement.outputs)}`,
    ...buffers.map(
      ({ label, offset_bytes, bytes, first, last }) =>
        `  buffer @${offset_bytes} ${bytes} bytes, steps ${first}..${last}  # ${label}`,
    ),
    '}',
  ].join('\n')}\n`;
}
