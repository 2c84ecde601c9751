/** reorder: the same elements in row-major order under another layout. `place` puts it between ops; graphs do not know it. */
import type { Dims } from '../graph/ir.js';
import type { Operand, RecordWords, WeightPacking } from './descriptor.js';
import { reorder as record } from './records.gen.js';
import { blockedBytes, LANES, rowsPerTile } from './tiles.js';

/** A layout of float32 elements: planar is dense row-major under any factoring. */
export interface ReorderSide {
  readonly layout: 'planar' | 'blocked';
  readonly dims: Dims;
}

export function reorderRecord(x: Operand, from: ReorderSide, y: Operand, to: ReorderSide): RecordWords {
  const [xN, xC, xH, xW] = from.dims;
  const [yN, yC, yH, yW] = to.dims;
  const xLanes = from.layout === 'blocked' ? LANES : 1;
  const yLanes = to.layout === 'blocked' ? LANES : 1;
  // Rows of the blocked side, whichever it is.
  const rowElems = yLanes === 1 && xLanes === LANES ? xW * LANES : yW * yLanes;
  return record({ x, y, xLanes, xN, xC, xH, xW, yLanes, yN, yC, yH, yW, tileRows: rowsPerTile(rowElems) });
}

/** A parameter as a blocked value; weight role `value`. */
export function valuePacking(dims: Dims): WeightPacking {
  return {
    role: 'value',
    from: ['value'],
    key: `blocked:${dims.join('x')}`,
    bytes: blockedBytes(dims),
    records: ([x = 0], y) => [reorderRecord(x, { layout: 'planar', dims }, y, { layout: 'blocked', dims })],
  };
}
