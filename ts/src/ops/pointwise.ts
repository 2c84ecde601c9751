/** pointwise: a program of a few steps, element by element, over up to four operands, each of the output's shape or repeated along some axes. */
import { numel, type Shape } from '../tensor/shape.js';
import { type LaidOutCall, NO_WORKSPACE, type OpDescriptor } from './descriptor.js';
import { blocked, type Dims, dense, type Layout } from './layout.js';
import { keptLayout } from './pointwise_layouts.js';
import { blockedAxes, denseAxes, isMap, kindsOf, repeatedDims, type Walk, walkOf } from './pointwise_walk.js';
import { programFields } from './program_fields.js';
import { type PointwiseFields, pointwise as record, STRIP_ELEMS } from './records.gen.js';
import { blockedDims, LANES, operandAt, TILE_ELEMS } from './tiles.js';

/** What looking for a strip costs, in elements of a step. */
const STRIP_COST = 128;

/** How an operand must lie beside the output; null where it cannot. */
function besides(lies: Layout, shape: Shape, operand: Shape): Layout | null {
  if (lies.kind !== 'blocked') return dense(operand);
  const dims = repeatedDims(lies.dims, shape, operand);
  return dims === null ? null : blocked(dims);
}

function walkOfCall({ attributes, inputs, outputs: [shape = []], layouts }: LaidOutCall<'pointwise'>): Walk {
  const [lies] = layouts.outputs;
  const kinds = kindsOf(attributes.program, inputs.length);
  const sets = (k: number): Dims => [inputs[k]?.[0] ?? 1, 1, 1, 1];
  const axes =
    lies?.kind === 'blocked'
      ? blockedAxes(
          lies.dims,
          layouts.inputs.map((layout, k) => (isMap(kinds, k) ? sets(k) : blockedDims(layout))),
          kinds,
        )
      : denseAxes(
          shape,
          inputs.map((input) => input ?? []),
        );
  const walk = walkOf(axes, kinds);
  if (walk === null) throw new RangeError('a broadcast of too many groups of axes');
  // Buffers are whole vectors.
  if (walk.axes.length > 0) return walk;
  return { ...walk, rowElems: Math.ceil(walk.rowElems / LANES) * LANES };
}

function axesWords({ axes, kinds }: Walk): Record<string, number> {
  const words: Record<string, number> = { d0: 1, d1: 1, d2: 1, d3: 1, d4: 1 };
  const lead = 5 - axes.length;
  axes.forEach(({ size, steps }, axis) => {
    words[`d${lead + axis}`] = size;
    steps.forEach((step, k) => {
      words[`${'abcd'[k]}Step${lead + axis}`] = step;
    });
  });
  return { ...words, kinds: kinds.reduce((word, kind, k) => word | (kind << (4 * k)), 0) };
}

export const pointwise: OpDescriptor<'pointwise'> = {
  op: 'pointwise',
  inPlace: [0, 1, 2, 3],
  layouts({ attributes: { program, dims }, inputs, outputs: [shape = []] }, current) {
    const operands = inputs.map((input) => input ?? []);
    if (dims !== undefined) {
      const kinds = kindsOf(program, inputs.length);
      const lies = blocked(dims);
      const beside = operands.map((operand, k) => (isMap(kinds, k) ? null : besides(lies, shape, operand)));
      return { inputs: beside, outputs: [lies] };
    }
    const whole = current.filter((_, k) => numel(operands[k] ?? []) === numel(shape));
    const lies = keptLayout(whole, shape);
    const beside = operands.map((operand) => besides(lies, shape, operand));
    if (beside.every((layout) => layout !== null)) return { inputs: beside, outputs: [lies] };
    return { inputs: operands.map(dense), outputs: [dense(shape)] };
  },
  workspace: () => NO_WORKSPACE,
  records(call, { inputs, outputs }) {
    const { program } = call.attributes;
    const walk = walkOfCall(call);
    const { rowElems } = walk;
    const cost = Math.min(rowElems, STRIP_ELEMS) * program.length + STRIP_COST;
    const fields: Readonly<Record<string, number>> = {
      y: operandAt(outputs, 0),
      ...Object.fromEntries(inputs.map((operand, k) => ['abcd'[k], operand])),
      rowElems,
      ...axesWords(walk),
      ...programFields(program),
      tileStrips: Math.max(1, Math.floor(TILE_ELEMS / cost)),
    };
    // Fields that are not named are 0.
    return [record(fields as unknown as PointwiseFields)];
  },
  flops: ({ attributes: { program }, outputs: [shape = []] }) => program.length * numel(shape),
};
