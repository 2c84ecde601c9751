// onnxruntime's WebAssembly build, as npm has it.
import { onnxruntime } from './onnxruntime.mjs';

export const load = onnxruntime('onnxruntime-web');
