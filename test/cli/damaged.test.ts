/** Files that are damaged, too large, too thin or no files: what can be painted is, with a warning; what cannot gets one line that says why. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from 'vitest';
import { gouache, image, makeFolder, makePixels, type Outcome, PROGRAM, readPixels } from './command_line.js';
import { pngOfRows } from './profiles.js';

const folder = makeFolder();
afterAll(folder.remove);
const at = (name: string) => join(folder.path, name);
const paint = (...args: string[]): Promise<Outcome> => gouache(folder.path, ['paint', ...args]);

function expectRefused({ code, stderr, stdout }: Outcome, reason: RegExp): void {
  expect(stderr).toMatch(reason);
  expect(stderr).toMatch(/^gouache: [^\n]+\n$/);
  expect(stdout).not.toMatch(/wrote/);
  expect(code).toBe(1);
}

const photo = makePixels(96, 72);
const whole = {
  jpeg: await image(photo).jpeg().toBuffer(),
  png: await image(photo).png().toBuffer(),
  gif: await image(photo).gif().toBuffer(),
};

describe('a file that ends too early', () => {
  test('a JPEG without its last two bytes is painted like the whole one, with a warning', async () => {
    writeFileSync(at('whole.jpg'), whole.jpeg);
    writeFileSync(at('cut.jpg'), whole.jpeg.subarray(0, -2));
    expect(await paint('whole.jpg', '--output', 'whole.png')).toMatchObject({ code: 0, stderr: '' });
    const { code, stderr } = await paint('cut.jpg', '--output', 'cut.png');
    expect(stderr).toBe(
      'gouache: warning: cut.jpg is damaged (VipsJpeg: premature end of JPEG image); what could be decoded is painted\n',
    );
    expect(code).toBe(0);
    expect(await readPixels(at('cut.png'))).toEqual(await readPixels(at('whole.png')));
  });

  test.each(['jpeg', 'png', 'gif'] as const)('half a %s', async (format) => {
    const bytes = whole[format];
    writeFileSync(at(`half.${format}`), bytes.subarray(0, bytes.length / 2));
    const { code, stderr } = await paint(`half.${format}`, '--output', `half-${format}.png`);
    expect(stderr).toMatch(
      /^gouache: warning: half\.\w+ is damaged \([^)]+\); what could be decoded is painted\n$/,
    );
    expect(code).toBe(0);
    expect(await readPixels(at(`half-${format}.png`))).toMatchObject({ width: 96, height: 72 });
  });

  test('one of which nothing can be decoded', async () => {
    // A JPEG's decoder makes up a first block of nothing.
    const jpeg = await image(makePixels(480, 360)).jpeg().toBuffer();
    writeFileSync(at('head.jpg'), jpeg.subarray(0, jpeg.indexOf(Buffer.from([0xff, 0xda])) + 14));
    expectRefused(await paint('head.jpg'), /cannot decode head\.jpg: [^;]*premature end of JPEG image\n$/);
    writeFileSync(at('head.png'), whole.png.subarray(0, 30));
    expectRefused(await paint('head.png'), /cannot decode head\.png: its header is damaged\n$/);
  });
});

describe('formats are spoken of where the format is the matter', () => {
  const FORMATS = /; PNG, JPEG, WebP, AVIF, GIF, TIFF and SVG are read\n$/;

  test('a text', async () => {
    writeFileSync(at('text.png'), 'not a picture');
    expectRefused(await paint('text.png'), FORMATS);
  });

  test('HEIC', async () => {
    writeFileSync(at('photo.heic'), await heic());
    const outcome = await paint('photo.heic');
    expectRefused(outcome, /cannot decode photo\.heic: .*HEVC/);
    expectRefused(outcome, FORMATS);
    expect(outcome.stderr).not.toContain('bad seek');
  });

  test('not an AVIF that ends too early', async () => {
    const avif = await image(photo).avif().toBuffer();
    writeFileSync(at('cut.avif'), avif.subarray(0, -10));
    const outcome = await paint('cut.avif');
    expectRefused(outcome, /cannot decode cut\.avif: /);
    expect(outcome.stderr).not.toMatch(/are read|bad seek/);
  });
});

/** A HEIC as phones write it, as far as its headers go: an AVIF whose item is called HEVC. Nothing decodes its pixels, sharp does not try. */
async function heic(): Promise<Buffer> {
  const avif = await image(photo).avif().toBuffer();
  const boxAt = (name: string): number => avif.indexOf(name, 0, 'latin1') - 4;
  const sizeAt = (name: string): number => avif.readUInt32BE(boxAt(name));
  const configuration = Buffer.from(
    `0000001f${Buffer.from('hvcC').toString('hex')}01016000000090000000000000f000fcfdf8f800000f00`,
    'hex',
  );
  const added = configuration.length - sizeAt('av1C');
  const [data, index] = [boxAt('mdat') + 8, boxAt('iloc')];
  for (const name of ['meta', 'iprp', 'ipco']) avif.writeUInt32BE(sizeAt(name) + added, boxAt(name));
  const where = Buffer.alloc(4);
  where.writeUInt32BE(data);
  avif.writeUInt32BE(data + added, avif.indexOf(where, index));
  const renamed = Buffer.concat([
    avif.subarray(0, boxAt('av1C')),
    configuration,
    avif.subarray(boxAt('av1C') + sizeAt('av1C')),
  ]);
  return Buffer.from(
    renamed.toString('latin1').replaceAll('avif', 'heic').replaceAll('av01', 'hvc1'),
    'latin1',
  );
}

describe('large pictures', () => {
  test('272 million pixels are shrunk while they are read, and refused in full with what to do', async () => {
    const [width, height] = [17000, 16000];
    const rows = Buffer.alloc((1 + width / 8) * height);
    writeFileSync(at('vast.png'), pngOfRows({ width, height, channels: 1, bits: 1 }, rows, null));
    const { code, stdout, stderr } = await paint('vast.png', '--size', '64', '--output', 'vast-64.png');
    expect(stderr).toBe('');
    expect(stdout).toContain('shrunk from 17000x16000 to 64x60');
    expect(code).toBe(0);
    expectRefused(
      await paint('vast.png', '--size', 'full'),
      /vast\.png: it has 17000x16000 pixels, and at most 268 million are read without shrinking; --size N shrinks it/,
    );
  });

  test('a few bytes that claim billions of pixels', async () => {
    const claimed = { width: 70000, height: 70000, channels: 3, bits: 8 } as const;
    writeFileSync(at('bomb.png'), pngOfRows(claimed, Buffer.alloc(0), null));
    expectRefused(
      await paint('bomb.png'),
      /bomb\.png: it has 70000x70000 pixels, and at most 1073 million are read; shrink it by other means first\n$/,
    );
  });
});

test('a picture that would shrink to a line is refused with what to do, and does it', async () => {
  await image(makePixels(3000, 2)).png().toFile(at('thin.png'));
  expectRefused(
    await paint('thin.png'),
    /3000x2 pixels shrink to 1024x1, and at least 2x2 are wanted; give a larger --size, or --size full\n$/,
  );
  const { code } = await paint('thin.png', '--size', 'full', '--output', 'thin-full.png');
  expect(code).toBe(0);
  expect(await readPixels(at('thin-full.png'))).toMatchObject({ width: 3000, height: 2 });
});

describe.runIf(process.platform === 'linux')('what is no file', () => {
  test.each([
    ['photo', ['/dev/zero']],
    ['model', ['photo.png', '--model', '/dev/zero']],
  ])('a device as the %s is refused before it is read', async (_, args) => {
    writeFileSync(at('photo.png'), whole.png);
    expectRefused(await paint(...args), /\/dev\/zero: a device, not a file\n$/);
  });

  test('a file of more than a GiB', async () => {
    writeFileSync(at('sparse.png'), '');
    truncateSync(at('sparse.png'), 2 ** 40);
    expectRefused(
      await paint('sparse.png'),
      /cannot read sparse\.png: larger than 1 GiB, the most that is read\n$/,
    );
  });

  test('a folder', async () => {
    mkdirSync(at('folder.png'));
    expectRefused(await paint('folder.png'), /cannot read folder\.png: a folder, not a file\n$/);
  });

  test('a pipe is read to its end', async () => {
    await promisify(execFile)('mkfifo', [at('pipe.png')]);
    const child = spawn(process.execPath, [PROGRAM, 'paint', 'pipe.png', '--output', 'piped.png'], {
      cwd: folder.path,
    });
    const ended = once(child, 'exit');
    await writeFile(at('pipe.png'), whole.png);
    const [code] = await ended;
    expect(code).toBe(0);
    expect(await readPixels(at('piped.png'))).toMatchObject({ width: 96, height: 72 });
  });

  test('one without an end is left after a GiB', async () => {
    const endless = spawn('sh', ['-c', `yes | "${process.execPath}" "${PROGRAM}" paint /dev/stdin`], {
      cwd: folder.path,
    });
    let stderr = '';
    endless.stderr.on('data', (text) => {
      stderr += text;
    });
    await once(endless, 'close');
    expect(stderr).toMatch(/larger than 1 GiB/);
  });
});
