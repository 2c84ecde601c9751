// onnxruntime's native build, as npm has it: the CPU binary is in the package.
import { onnxruntime } from './onnxruntime.mjs';

export const load = onnxruntime('onnxruntime-node');

/** No page can use it. @type {readonly string[]} */
export const downloads = [];
