/** Pixels into and out of a network, as nodes: what image/paint.ts wraps around a model. */
import { ArgumentError } from '../errors.js';
import type { OpAttributes } from './ir.js';
import { recorder } from './recorder.js';
import { spell } from './shape.js';
import type { Value } from './value.js';

/** Raw pixels [height, width, channels] -> [1, C, H, W], extended by reflection. The caller has checked the sizes. */
export function pixelsIn(pixels: Value, attributes: OpAttributes['pixels_in']): Value {
  checkPixels(pixels, 'pixelsIn');
  const { outputChannels, outputHeight, outputWidth } = attributes;
  return recorder('pixels_in').append('pixels_in', [pixels], attributes, [
    1,
    outputChannels,
    outputHeight,
    outputWidth,
  ]);
}

/** A crop of [1, C, H, W] -> RGBA bytes [height, width, 4], with the alpha of `source`. The caller has checked the sizes. */
export function pixelsOut(x: Value, source: Value, attributes: OpAttributes['pixels_out']): Value {
  checkPixels(source, 'pixelsOut');
  const shape = [attributes.height, attributes.width, 4];
  return recorder('pixels_out').append('pixels_out', [x, source], attributes, shape, { dtype: 'uint8' });
}

function checkPixels(value: Value, op: string): void {
  if (value.dtype === 'uint8' && value.shape.length === 3) return;
  throw new ArgumentError('not pixels', {
    op,
    got: `${value.dtype} ${spell(value.shape)}`,
    wanted: 'uint8 [height, width, channels]',
  });
}
