// LiteRT.js: TensorFlow Lite's runtime with XNNPACK, in WebAssembly with relaxed SIMD. It is made for pages and workers; in Node it runs
// with three globals that browsers have. Its models are .tflite files, NHWC.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import vm from 'node:vm';

const packageFolder = path.join(import.meta.dirname, 'node_modules/@litertjs/core');

/**
 * What is used of LiteRT.js' API: its types are installed with it alone.
 * @typedef {object} Api
 * @property {(folder: string, options: { threads: boolean }) => Promise<unknown>} loadLiteRt
 * @property {(model: Uint8Array, options: object) => Promise<Model>} loadAndCompile
 * @property {new (data: Float32Array, shape: readonly number[]) => LiteTensor} Tensor
 *
 * @typedef {object} Model
 * @property {(input: LiteTensor) => Promise<LiteTensor[]>} run
 *
 * @typedef {object} LiteTensor
 * @property {() => Float32Array} toTypedArray
 * @property {() => void} delete
 */

/** Its scripts are CommonJS, which the package's own manifest denies: a copy of the folder says so. */
function scriptFolder() {
  const copy = path.join(import.meta.dirname, 'node_modules/.litert-wasm');
  if (!fs.existsSync(path.join(copy, 'package.json'))) {
    fs.cpSync(path.join(packageFolder, 'wasm'), copy, { recursive: true });
    fs.writeFileSync(path.join(copy, 'package.json'), '{ "type": "commonjs" }\n');
  }
  return copy;
}

function imitateWorker() {
  const require = createRequire(path.join(scriptFolder(), 'package.json'));
  /** @param {string} file */
  const importScripts = (file) => {
    Object.assign(globalThis, { __filename: file, __dirname: path.dirname(file) });
    vm.runInThisContext(fs.readFileSync(file, 'utf8'), { filename: file });
  };
  Object.assign(globalThis, { self: globalThis, require, importScripts });
}

/**
 * The same numbers with the channels moved.
 * @param {Float32Array} from
 * @param {readonly number[]} sizes outer, rows, columns: [outer, rows, columns] becomes [outer, columns, rows]
 */
function transposed(from, [outer = 1, rows = 1, columns = 1]) {
  const to = new Float32Array(from.length);
  for (let o = 0; o < outer; o++) {
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < columns; c++)
        to[(o * columns + c) * rows + r] = from[(o * rows + r) * columns + c] ?? 0;
    }
  }
  return to;
}

/** @type {import('./engine.mjs').Rival['load']} */
export const load = async (task) => {
  imitateWorker();
  const { version } = JSON.parse(fs.readFileSync(path.join(packageFolder, 'package.json'), 'utf8'));
  /** @type {Api} */
  const litert = await import(path.join(packageFolder, 'dist/index.js'));
  const [n = 1, c = 3, h = 1, w = 1] = task.shape;
  return {
    version,
    settings: `accelerator wasm (XNNPACK), ${task.threads > 1 ? 'threaded' : 'single-thread'} relaxed SIMD build, ${task.threads} threads`,
    async start() {
      await litert.loadLiteRt(`${scriptFolder()}/`, { threads: task.threads > 1 });
    },
    async prepare() {
      const model = await litert.loadAndCompile(fs.readFileSync(task.model), {
        accelerator: 'wasm',
        cpuOptions: { numThreads: task.threads },
      });
      const input = transposed(task.input, [n, c, h * w]);
      return {
        async run() {
          const given = new litert.Tensor(input, [n, h, w, c]);
          const results = await model.run(given);
          const data = results[0]?.toTypedArray();
          given.delete();
          for (const result of results) result.delete();
          return data;
        },
        values: (output) => transposed(/** @type {Float32Array} */ (output), [n, h * w, c]),
      };
    },
  };
};

export const downloads = [
  'dist/index.js',
  'wasm/litert_wasm_threaded_internal.js',
  'wasm/litert_wasm_threaded_internal.wasm',
].map((file) => path.join(packageFolder, file));
