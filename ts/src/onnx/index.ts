/** What `import ... from 'gouache/onnx'` gives. It needs the package `@bufbuild/protobuf`, which nothing else of gouache loads. */
export { exportOnnx } from './export.js';
