/** What `import ... from 'gouache/onnx'` gives. The build puts `@bufbuild/protobuf` into this entry, and nothing else of gouache needs it. */
export { exportOnnx } from './export.js';
