/** `gouache paint`: a photo becomes a painting. It calls engine.paint and nothing else of the engine. */
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildName, Engine, loadModel, OutOfMemoryError } from '../../index.js';
import { BUILD_NAMES } from '../../runtime/builds.js';
import { MOST_THREADS } from '../../runtime/engine_options.js';
import { type Command, type CommandLine, wholeNumber } from '../command.js';
import { checkSides, encodePicture } from '../encode.js';
import { FileError, inFile, UsageError } from '../failure.js';
import { DEFAULT_MODEL, readModel } from '../models.js';
import { chooseOutput, save } from '../output.js';
import { packageFolder } from '../package_folder.js';
import { type Picture, readPicture } from '../pictures.js';
import { progressLine } from '../progress.js';
import { complain, say } from '../terminal.js';

const BUNDLED_PHOTO = new URL('examples/photos/coffee.png', packageFolder);

/** Longest side without `--size`: a few seconds on one core. */
const DEFAULT_SIDE_PX = 1024;

function parseSide(text: string | undefined): number | null {
  if (text === 'full') return null;
  return text === undefined ? DEFAULT_SIDE_PX : wholeNumber('size', text, 1);
}

function parseBuild(text: string | undefined): BuildName | undefined {
  const build = BUILD_NAMES.find((name) => name === text);
  if (text !== undefined && build === undefined) {
    throw new UsageError(`--build wants ${BUILD_NAMES.join(' or ')}, got '${text}'`);
  }
  return build;
}

function tellShrunk({ width, height, fileWidth, fileHeight }: Picture): void {
  if (width === fileWidth && height === fileHeight) return;
  say(`shrunk from ${fileWidth}x${fileHeight} to ${width}x${height}; --size full paints every pixel`);
}

function tellDamage(photo: string, { damage }: Picture): void {
  if (damage === null) return;
  complain(`warning: ${photo} is damaged (${damage}); what could be decoded is painted`);
}

/** An error about memory, in terms of this command's options. */
function withSizeThatFits(error: unknown, { width, height }: Picture): unknown {
  if (!(error instanceof OutOfMemoryError) || error.largestSide === null) return error;
  const mebibytes = Math.ceil(error.wantedBytes / 2 ** 20);
  return new FileError(
    `${width}x${height} pixels do not fit memory (${mebibytes} MiB); --size ${error.largestSide} does`,
    { cause: error },
  );
}

async function run({ positionals, values }: CommandLine): Promise<void> {
  const maxSide_px = parseSide(values.size);
  const build = parseBuild(values.build);
  const threads =
    values.threads === undefined ? undefined : wholeNumber('threads', values.threads, 1, MOST_THREADS);
  const photo = positionals[0] ?? fileURLToPath(BUNDLED_PHOTO);
  const file = await readModel(values.model ?? DEFAULT_MODEL);
  const { pictures } = file;
  const model = inFile(file.path, () => loadModel(file.bytes, { pictures }));
  const output = await chooseOutput(values.output, photo, file.name);
  const picture = await readPicture(photo, maxSide_px);
  tellDamage(photo, picture);
  tellShrunk(picture);
  const scale = model.pictures.output?.scale ?? 1;
  checkSides(output.format, picture.width * scale, picture.height * scale);

  const engine = await Engine.create({ build, threads, onWarning: complain });
  const progress = progressLine();
  try {
    const { data, width, height, channels } = picture;
    const startedMs = performance.now();
    const painting = await engine.paint(
      model,
      { data, width, height, channels },
      { onProgress: ({ phase, done, total }) => progress.show(phase, done, total) },
    );
    const tookMs = performance.now() - startedMs;
    progress.end();
    const isOpaque = channels === 3 || model.pictures.output?.kind === 'mask';
    const saved = await save(await encodePicture(painting, !isOpaque, output.format), output);
    const info = engine.info();
    if (threads !== undefined && threads !== info.threads)
      say(`threads: ${info.threads}, since ${info.threadsReason}`);
    say(
      `painted ${basename(photo)} as ${file.name}: build ${info.build}, ${info.threads} ${info.threads === 1 ? 'thread' : 'threads'}, ${painting.width}x${painting.height}, ${tookMs.toFixed(0)} ms`,
    );
    say(saved);
  } catch (error) {
    throw withSizeThatFits(error, picture);
  } finally {
    progress.end();
    await engine.dispose();
  }
}

export const paint: Command = {
  name: 'paint',
  summary: 'Paint a photo in the style of a model; without a photo, the bundled one.',
  usage: '[photo] [options]',
  maxPositionals: 1,
  options: {
    model: {
      value: 'name|file',
      help: `mosaic, scream, starry-night, or a .safetensors file (default ${DEFAULT_MODEL})`,
    },
    output: {
      value: 'file',
      help: 'what to write: .png, .jpg or .webp (default <photo>-<model>.png in this folder)',
    },
    size: {
      value: 'N|full',
      help: `shrink the photo to N pixels on its longest side, or not at all (default ${DEFAULT_SIDE_PX})`,
    },
    build: { value: 'name', help: `${BUILD_NAMES.join(' or ')} (default: the best that runs here)` },
    threads: { value: 'N', help: 'number of threads (default: the processors that may be used, at most 8)' },
  },
  notes: [
    'PNG, JPEG, WebP and whatever else sharp reads; upright by its EXIF orientation, in sRGB, with its transparency.\n' +
      'The default name never replaces a file; --output does, but never the photo itself.\n' +
      "A name that begins with '-' is written ./-name.",
  ],
  run,
};
