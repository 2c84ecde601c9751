/** What `import ... from 'gouache'` gives; layers and functions are at `gouache/nn`. */
export {
  type CompileOptions,
  Engine,
  type EngineInfo,
  type EngineMemory,
  type EngineOptions,
  type PaintOptions,
  type RunOptions,
} from './engine.js';
export {
  ArgumentError,
  EngineCrashedError,
  EngineDisposedError,
  type ErrorCode,
  type ErrorFacts,
  GouacheError,
  ImageError,
  ModelFormatError,
  OutOfMemoryError,
  ShapeError,
  StateDictError,
  UnsupportedError,
} from './errors.js';
export type { Value } from './graph/value.js';
export type { ColorSpace, ImageInput, PaintedImage, PixelImage, SharpImage } from './image/picture.js';
export { type LoadOptions, loadModel, type Model, type PaintModel } from './model/load_model.js';
export { readSafetensors } from './model/safetensors.js';
export { CycleGANGenerator, type CycleGANGeneratorOptions } from './networks/cyclegan_generator.js';
export { ResidualBlock, StyleTransferNetwork } from './networks/style_transfer_network.js';
export type {
  ChannelOrder,
  PictureContract,
  PictureInput,
  PictureLayout,
  PictureOutput,
  PictureSides,
  PictureValues,
  ValueRange,
} from './picture_contract.js';
export type { BuildName, ResponseLike, UrlLike, WasmSource } from './runtime/builds.js';
export type { Concrete } from './runtime/call.js';
export type { CallOptions, Progress } from './runtime/executor.js';
export type { AbortSignalLike } from './runtime/signal.js';
export type { Profile, ProfileRow, Session } from './session.js';
export { type NestedNumbers, Tensor } from './tensor/tensor.js';
