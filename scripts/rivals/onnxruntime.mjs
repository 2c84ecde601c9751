// onnxruntime, from WebAssembly or native: one API, so one file. All optimisations, intra-op threads as asked, inter-op 1.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const require = createRequire(import.meta.url);

/**
 * What is used of onnxruntime's API: its types are installed with it alone.
 * @typedef {object} Api
 * @property {{ wasm: { numThreads?: number } }} env
 * @property {{ create(model: Uint8Array | string, options: object): Promise<Session> }} InferenceSession
 * @property {new (type: 'float32', data: Float32Array, dims: readonly number[]) => object} Tensor
 *
 * @typedef {object} Session
 * @property {readonly string[]} inputNames
 * @property {readonly string[]} outputNames
 * @property {(feeds: Record<string, object>) => Promise<Record<string, { data: Float32Array }>>} run
 */

/**
 * @param {'onnxruntime-web' | 'onnxruntime-node'} name
 * @returns {import('./engine.mjs').Rival['load']}
 */
export const onnxruntime = (name) => async (task) => {
  const web = name === 'onnxruntime-web';
  const folder = path.join(import.meta.dirname, 'node_modules', name);
  const { version } = JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8'));
  /** @type {Api} */
  const ort = web ? await import(name) : require(name);
  const options = {
    executionProviders: [web ? 'wasm' : 'cpu'],
    graphOptimizationLevel: 'all',
    executionMode: 'sequential',
    intraOpNumThreads: task.threads,
    interOpNumThreads: 1,
  };
  if (web) ort.env.wasm.numThreads = task.threads;
  return {
    version,
    settings: `${web ? 'wasm' : 'cpu'} execution provider, all optimisations, ${task.threads} threads within an op`,
    // The WebAssembly build falls back to one thread by itself.
    threads: () => ({
      threads: web ? (ort.env.wasm.numThreads ?? 1) : task.threads,
      reason: 'onnxruntime says so',
    }),
    async start() {
      const nothing = path.join(path.dirname(task.model), 'identity.onnx');
      if (web) await ort.InferenceSession.create(fs.readFileSync(nothing), options);
    },
    async prepare() {
      const session = await ort.InferenceSession.create(
        web ? fs.readFileSync(task.model) : task.model,
        options,
      );
      const [input = '', output = ''] = [session.inputNames[0], session.outputNames[0]];
      return {
        run: async () =>
          (await session.run({ [input]: new ort.Tensor('float32', task.input, task.shape) }))[output],
        values: (result) => /** @type {{ data: Float32Array }} */ (result).data,
      };
    },
  };
};
