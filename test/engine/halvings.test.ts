// Networks that halve the size many times: at which sizes engine.paint shows them a picture.
import * as nn from 'gouache/nn';
import { expect, test } from 'vitest';
import { engineFor, modelOf, weightsFor } from './support/engines.js';

/** A U-Net as pix2pix's is built, its ends added instead of concatenated: it takes multiples of 2^halvings alone. */
class UNet extends nn.Module {
  static override readonly kind = 'UNet';
  readonly down: nn.Conv2d;
  readonly norm: nn.InstanceNorm2d | null;
  readonly inner: UNet | null;
  readonly up: nn.ConvTranspose2d;

  constructor(halvings: number, norm = false, outside = 3, inside = 4) {
    super();
    this.down = new nn.Conv2d(outside, inside, 4, { stride: 2, padding: 1 });
    this.norm = norm ? new nn.InstanceNorm2d(inside) : null;
    this.inner = halvings > 1 ? new UNet(halvings - 1, norm, inside, inside) : null;
    this.up = new nn.ConvTranspose2d(inside, outside, 4, { stride: 2, padding: 1 });
  }

  override forward(x: nn.Value): nn.Value {
    const down = this.down.forward(x);
    const halved = (this.norm?.forward(down) ?? down).relu();
    return x.add(this.up.forward(this.inner?.forward(halved) ?? halved));
  }
}

/** A U-Net with weights that writes down what it has seen. */
class Watched extends UNet {
  readonly seen: (readonly number[])[] = [];

  constructor(halvings: number, norm = false) {
    super(halvings, norm);
    this.loadStateDict(weightsFor(this, 3));
  }

  override forward(x: nn.Value): nn.Value {
    this.seen.push(x.shape);
    return super.forward(x);
  }
}

test.each<[halvings: number, width: number, height: number, seen: readonly [height: number, width: number]]>([
  // As far as there is a size with 32 pixels of reflection on each side and not many more, it is taken.
  [5, 300, 201, [288, 384]],
  [6, 256, 256, [320, 320]],
  [7, 300, 201, [256, 384]],
  [8, 256, 256, [256, 256]],
  [8, 300, 201, [256, 512]],
  [8, 2, 2, [256, 256]],
  [9, 512, 300, [512, 512]],
  [9, 449, 449, [512, 512]],
])('%i halvings, %i x %i', async (halvings, width, height, seen) => {
  const engine = await engineFor();
  const net = new Watched(halvings);
  const data = Uint8Array.from({ length: width * height * 3 }, (_, index) => (index * 73 + 11) % 256);
  const painted = await engine.paint(modelOf(net), { data, width, height });
  expect(painted).toMatchObject({ width, height });
  expect(net.seen.at(-1)?.slice(2)).toEqual(seen);
  // Sizes are found by tracing, which costs some milliseconds each.
  expect(net.seen.length).toBeLessThan(50);
});

test.each<[width: number, height: number, seen: readonly [height: number, width: number]]>([
  [1024, 512, [512, 1024]],
  [1000, 500, [512, 1024]],
  [640, 427, [512, 1024]],
])(
  'nine halvings to a size that a norm takes in one direction alone, %i x %i',
  async (width, height, seen) => {
    const engine = await engineFor();
    const net = new Watched(9, true);
    const data = new Uint8Array(width * height * 3).map((_, index) => (index * 73 + 11) % 256);
    expect(await engine.paint(modelOf(net), { data, width, height })).toMatchObject({ width, height });
    expect(net.seen.at(-1)?.slice(2)).toEqual(seen);
  },
);

test('a network that keeps no size near the picture is refused with what it says', async () => {
  const engine = await engineFor();
  const data = new Uint8Array(512 * 300 * 3);
  // A norm over one element, however the picture is extended.
  const refused = engine.paint(modelOf(new Watched(9, true)), { data, width: 512, height: 300 });
  await expect(refused).rejects.toMatchObject({
    code: 'shape',
    op: 'engine.paint',
    got: expect.stringContaining('300 x 512'),
  });
  await expect(refused).rejects.toThrow('Conv2d: the kernel is larger');
});

test.each([225, 100, 353])('a stride of 3 keeps its border, %i pixels', async (side) => {
  class Thirds extends nn.Module {
    static override readonly kind = 'Thirds';
    readonly down = new nn.Conv2d(3, 4, 3, { stride: 3 });
    readonly up = new nn.ConvTranspose2d(4, 3, 3, { stride: 3 });
    seen = 0;
    override forward(x: nn.Value): nn.Value {
      this.seen = x.shape[3] ?? 0;
      return this.up.forward(this.down.forward(x));
    }
  }
  const engine = await engineFor();
  const net = new Thirds();
  net.loadStateDict(weightsFor(net, 1));
  await engine.paint(modelOf(net), { data: new Uint8Array(side * side * 3), width: side, height: side });
  // The nearest multiple of 3, or one of a power of 2 that is as near.
  expect(net.seen % 3).toBe(0);
  expect(net.seen).toBeGreaterThanOrEqual(side + 64);
  expect(net.seen).toBeLessThanOrEqual(side + 128);
});

test('what a network of a fixed size gets is its own size', async () => {
  class Fixed extends nn.Module {
    static override readonly kind = 'Fixed';
    override forward(x: nn.Value): nn.Value {
      // 77 = 7 * 11
      return x.view(1, 3, 7, 11, 7, 11).view(1, 3, 77, 77).mul(1);
    }
  }
  const engine = await engineFor();
  const data = Uint8Array.from({ length: 77 * 77 * 3 }, (_, index) => (index * 73 + 11) % 256);
  const painted = await engine.paint(modelOf(new Fixed()), { data, width: 77, height: 77 });
  expect([...painted.data].filter((_, index) => index % 4 < 3)).toEqual([...data]);
});
