// engine.paint on what is no picture: named, with what to do. Pictures are checked before the model is looked at.
import type { ImageInput, Model } from 'gouache';
import { describe, expect, test } from 'vitest';
import { engineFor } from './support/engines.js';

const model = {} as Model;

describe('what shows a picture and holds no pixels is named, with the way to them', () => {
  /** As a page's own: only the class's name is looked at. */
  const named = (name: string) =>
    Object.assign(new (Object.defineProperty(class {}, 'name', { value: name }))(), { width: 4, height: 4 });

  test.each<[string, unknown, RegExp]>([
    ['HTMLCanvasElement', named('HTMLCanvasElement'), /canvas\.getContext\('2d'\)\.getImageData\(0, 0,/],
    ['OffscreenCanvas', named('OffscreenCanvas'), /canvas\.getContext\('2d'\)\.getImageData\(0, 0,/],
    ['CanvasRenderingContext2D', named('CanvasRenderingContext2D'), /context\.getImageData\(0, 0,/],
    ['HTMLImageElement', named('HTMLImageElement'), /context\.drawImage\(/],
    ['ImageBitmap', named('ImageBitmap'), /context\.drawImage\(/],
    ['VideoFrame', named('VideoFrame'), /context\.drawImage\(/],
    ['HTMLVideoElement', named('HTMLVideoElement'), /context\.drawImage\(/],
    ['Blob', new Blob(['a']), /decoded first/],
    ['Buffer', Buffer.from('encoded'), /decoded first/],
    ["'photo.jpg'", 'photo.jpg', /paths .* decoded first/],
    ['Sharp', named('Sharp'), /raw\(\)\.toBuffer\({ resolveWithObject: true }\)/],
    ['Promise', Promise.resolve({}), /Await it/],
  ])('%s', async (got, image, hint) => {
    const engine = await engineFor({ worker: false });
    await expect(engine.paint(model, image as ImageInput)).rejects.toMatchObject({
      code: 'image',
      got,
      hint: expect.stringMatching(hint),
    });
  });

  test('pixels of other numbers, by the name of their array', async () => {
    const engine = await engineFor({ worker: false });
    for (const data of [new Float64Array(48), new BigInt64Array(48), new Uint16Array(48)]) {
      const image = { data, width: 4, height: 4 } as unknown as ImageInput;
      await expect(engine.paint(model, image)).rejects.toMatchObject({
        code: 'image',
        got: data.constructor.name,
      });
    }
  });
});
