// onnxruntime's WebAssembly build, as npm has it.
import path from 'node:path';
import { onnxruntime } from './onnxruntime.mjs';

export const load = onnxruntime('onnxruntime-web');

/** The smallest set that runs on the CPU. */
export const downloads = [
  'ort.wasm.min.mjs',
  'ort-wasm-simd-threaded.mjs',
  'ort-wasm-simd-threaded.wasm',
].map((file) => path.join(import.meta.dirname, 'node_modules/onnxruntime-web/dist', file));
