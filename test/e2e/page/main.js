// A page as a user's bundler sees it: imports gouache, its weights and one of its wasm files, and offers the tests what it can do.
import { Engine, EngineCrashedError, loadModel, Tensor } from 'gouache';
import weightsUrl from 'gouache/models/mosaic.safetensors?url';
import wasmUrl from 'gouache/wasm/simd128.wasm?url';
import * as painting from './painting.js';

/** @typedef {import('./painting.js').EngineOptions} EngineOptions */

const TICK_MS = 16;

async function fetchWeights() {
  const response = await fetch(weightsUrl);
  return new Uint8Array(await response.arrayBuffer());
}

/**
 * @param {number} width
 * @param {number} height
 */
function imageData(width, height) {
  return new ImageData(painting.picture(width, height).data, width, height);
}

const page = {
  /** Whether workers may share memory with the page. */
  isolated: async () => crossOriginIsolated,

  /**
   * Times the network at one size with each number of threads, in turn.
   * @param {readonly number[]} counts
   * @param {number} side
   * @param {number} runs
   */
  async time(counts, side, runs) {
    const { network } = loadModel(await fetchWeights());
    const x = Tensor.from(
      Float32Array.from({ length: 3 * side * side }, (_, i) => Math.sin(i)),
      [1, 3, side, side],
    );
    const all = [];
    for (const threads of counts) {
      const engine = await Engine.create({ threads });
      const session = await engine.compile(network, [1, 3, side, side]);
      await session.run(x);
      all.push({ threads: engine.info().threads, session, least_ms: Infinity });
    }
    for (let run = 0; run < runs; run++) {
      for (const one of all) {
        const started = performance.now();
        await one.session.run(x);
        one.least_ms = Math.min(one.least_ms, performance.now() - started);
      }
    }
    return all.map(({ threads, least_ms }) => ({ threads, least_ms }));
  },

  /** @type {(options: EngineOptions, width: number, height: number) => ReturnType<typeof painting.paint>} */
  paint: async (options, width, height) =>
    painting.paint(await fetchWeights(), options, imageData(width, height)),

  /** @type {(options: EngineOptions, side: number) => ReturnType<typeof painting.run>} */
  run: async (options, side) => painting.run(await fetchWeights(), options, side),

  /** @type {(width: number, height: number) => ReturnType<typeof painting.paint>} */
  paintWithGivenWasm: async (width, height) =>
    painting.paint(await fetchWeights(), { wasm: await fetch(wasmUrl) }, imageData(width, height)),

  /**
   * Paints what a canvas of this colour space holds, as the README does, and says of which space the ImageData is that comes of it.
   * @param {PredefinedColorSpace} colorSpace
   */
  async colorSpaceOfPainting(colorSpace) {
    const context = new OffscreenCanvas(32, 32).getContext('2d', { colorSpace });
    if (context === null) throw new Error('no canvas');
    context.fillStyle = 'color(display-p3 1 0.2 0)';
    context.fillRect(4, 4, 24, 24);
    const engine = await Engine.create();
    const photo = context.getImageData(0, 0, 32, 32);
    const painted = await engine.paint(loadModel(await fetchWeights()), photo);
    await engine.dispose();
    const { data, width, height } = painted;
    return new ImageData(data, width, height, { colorSpace: painted.colorSpace }).colorSpace;
  },

  /**
   * Paints while a timer ticks, and says how long the timer was kept waiting at worst.
   * @param {EngineOptions} options
   * @param {number} width
   * @param {number} height
   */
  async paintWhileTicking(options, width, height) {
    const weights = await fetchWeights();
    const engine = await Engine.create(options);
    const model = loadModel(weights);
    const image = imageData(width, height);
    const ticks = [performance.now()];
    const timer = setInterval(() => ticks.push(performance.now()), TICK_MS);
    const started = performance.now();
    await engine.paint(model, image);
    const ended = performance.now();
    clearInterval(timer);
    const { host } = engine.info();
    await engine.dispose();
    const all = [...ticks, ended];
    const gaps = all.slice(1).map((tick, i) => tick - (all[i] ?? tick));
    return { host, took_ms: ended - started, ticks: ticks.length - 1, longest_gap_ms: Math.max(...gaps) };
  },

  /**
   * Paints with an engine whose worker dies meanwhile, beside one that lives.
   * @param {EngineOptions} options with the URL of a worker that goes wrong by itself, or when it is told to on the channel
   * @param {string} channel
   */
  async crash(options, channel) {
    const model = loadModel(await fetchWeights());
    const [doomed, other] = await Promise.all([Engine.create(options), Engine.create({})]);
    const told = new BroadcastChannel(channel);
    const failure = await doomed
      .paint(model, imageData(192, 192), { onProgress: () => told.postMessage('die') })
      .then(
        () => null,
        (error) => error,
      );
    const after = await doomed.paint(model, imageData(32, 32)).then(
      () => null,
      (error) => error,
    );
    const painted = await other.paint(model, imageData(32, 32));
    await Promise.all([doomed.dispose(), other.dispose()]);
    told.close();
    return {
      threads: doomed.info().threads,
      crashed: failure instanceof EngineCrashedError,
      message: String(failure),
      stays: after instanceof EngineCrashedError,
      other: painted.data.length,
    };
  },

  /**
   * Makes an engine, computes with 32 MiB inside and little outside, and disposes of it.
   * @param {EngineOptions} options
   */
  async useAndDispose(options) {
    const side = 2048;
    const numbers = new Float32Array(side);
    const engine = await Engine.create(options);
    await engine.run(
      (x, y) => x.add(y).tanh().mean(),
      [Tensor.from(numbers, [side, 1]), Tensor.from(numbers, [1, side])],
    );
    const { memoryBytes } = engine.memory();
    await engine.dispose();
    return { memoryBytes, threads: engine.info().threads };
  },

  /**
   * Has a service worker paint.
   * @param {number} side
   * @param {boolean} given with a wasm file that it has fetched
   * @returns {Promise<any>} what it says: the painting, or the error
   */
  async paintInServiceWorker(side, given) {
    const registration = await navigator.serviceWorker.register('/service/service.js', { type: 'module' });
    const worker = registration.installing ?? registration.waiting ?? registration.active;
    const { port1, port2 } = new MessageChannel();
    const answer = new Promise((resolve) => {
      port1.onmessage = ({ data }) => resolve(data);
    });
    worker?.postMessage({ side, given }, [port2]);
    return answer;
  },

  /**
   * What `Engine.create` throws.
   * @param {EngineOptions} options
   */
  refusal: (options) =>
    Engine.create(options).then(
      () => null,
      (error) => ({ name: error.name, code: error.code, message: error.message }),
    ),
};

/** @typedef {typeof page} Page */
Object.assign(globalThis, { gouachePage: page });
