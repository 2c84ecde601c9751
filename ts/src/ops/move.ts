/** move: elements to other places, or under another layout. Temporary: reorder only */
import { NO_WORKSPACE, type OpDescriptor } from './descriptor.js';
import type { Layout } from './layout.js';
import { freshLayout } from './pointwise_layouts.js';
import { reorder as record } from './records.gen.js';
import { LANES, operandAt, rowsPerTile } from './tiles.js';

export const move: OpDescriptor<'move'> = {
  op: 'move',
  inPlace: [],
  layouts: ({ inputs: [x], outputs: [y] }, [current]) => ({
    inputs: [current ?? freshLayout(x ?? [])],
    outputs: [freshLayout(y ?? [])],
  }),
  workspace: () => NO_WORKSPACE,
  records({ layouts }, { inputs, outputs }) {
    const [from, to] = [layouts.inputs[0] as Layout, layouts.outputs[0] as Layout];
    const dims = (a: Layout, b: Layout) =>
      a.kind === 'blocked'
        ? a.dims
        : b.kind === 'blocked'
          ? b.dims
          : ([1, 1, 1, (a as { elems: number }).elems] as const);
    const [xN, xC, xH, xW] = dims(from, to);
    const [yN, yC, yH, yW] = dims(to, from);
    const xLanes = from.kind === 'blocked' ? LANES : 1;
    const yLanes = to.kind === 'blocked' ? LANES : 1;
    const rowElems = yLanes === 1 && xLanes === LANES ? xW * LANES : yW * yLanes;
    return [
      record({
        x: operandAt(inputs, 0),
        y: operandAt(outputs, 0),
        xLanes,
        xN,
        xC,
        xH,
        xW,
        yLanes,
        yN,
        yC,
        yH,
        yW,
        tileRows: rowsPerTile(rowElems),
      }),
    ];
  },
  flops: () => 0,
};
