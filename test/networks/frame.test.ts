/** Paint leaves no frame: rows and columns at the picture's edge differ from their neighbours no more than those inside do. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { loadModel } from 'gouache';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { engineOf } from './networks.js';

const at = (file: string) => new URL(`../../${file}`, import.meta.url);
/** Rows that zero padding was seen to disturb, in a picture that is extended too little. */
const EDGE_PX = 4;
/** Strokes like to follow the mirror's axis: 1.35 times the largest jump inside was seen without a frame, 2 and more with one. */
const LARGER = 1.6;

/** Mean level of each row. */
function rowMeans(data: ArrayLike<number>, width: number, height: number, transposed: boolean): number[] {
  const [rows, columns] = transposed ? [width, height] : [height, width];
  return Array.from({ length: rows }, (_, row) => {
    let sum = 0;
    for (let column = 0; column < columns; column++) {
      const pixel = transposed ? column * width + row : row * width + column;
      for (let channel = 0; channel < 3; channel++) sum += data[pixel * 4 + channel] ?? Number.NaN;
    }
    return sum / (3 * columns);
  });
}

test.each(['mosaic', 'scream', 'starry-night'])('%s', async (name) => {
  const model = loadModel(readFileSync(at(`models/${name}.safetensors`)));
  const photo = await sharp(fileURLToPath(at('examples/photos/coffee.png')))
    .raw()
    .toBuffer({ resolveWithObject: true });
  const engine = await engineOf('simd128');
  const { data, width, height } = await engine.paint(model, photo);
  await engine.dispose();
  for (const transposed of [false, true]) {
    const means = rowMeans(data, width, height, transposed);
    const jumps = means.slice(1).map((mean, i) => Math.abs(mean - (means[i] ?? Number.NaN)));
    const inside = Math.max(...jumps.slice(EDGE_PX, -EDGE_PX));
    const edges = Math.max(...jumps.slice(0, EDGE_PX), ...jumps.slice(-EDGE_PX));
    expect(edges, `${transposed ? 'columns' : 'rows'}: edge ${edges}, inside ${inside}`).toBeLessThanOrEqual(
      LARGER * inside,
    );
  }
});
