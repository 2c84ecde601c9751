/** From a caller's tensors to bytes and back: what `engine.run` and `session.run` share. */
import { hintFor } from '../copies.js';
import { ArgumentError } from '../errors.js';
import type { Value } from '../graph/value.js';
import { shown } from '../spell.js';
import { numel, spell } from '../tensor/shape.js';
import { Tensor } from '../tensor/tensor.js';
import type { CallOptions } from './executor.js';
import type { Job } from './job.js';
import { checkSignal } from './signal.js';

/** What a run gives for what `forward` returns: a Tensor for each value. */
export type Concrete<R> = unknown extends R
  ? Tensor | Tensor[] | Record<string, Tensor>
  : R extends Value
    ? Tensor
    : R extends readonly Value[]
      ? Tensor[]
      : R extends Readonly<Record<string, Value>>
        ? { [K in keyof R]: Tensor }
        : never;

/** @throws {@link ArgumentError} when the options hold something that cannot be called or aborted */
export function checkCall(op: string, options: CallOptions): void {
  if (options === null || typeof options !== 'object')
    throw new ArgumentError('not options', { op, got: shown(options) });
  checkSignal(op, options.signal);
  if (options.onProgress === undefined || typeof options.onProgress === 'function') return;
  throw new ArgumentError('onProgress is not a function', { op, got: shown(options.onProgress) });
}

/** @throws {@link ArgumentError} when an input is not a Tensor, or the options are not right */
export function tensorsOf(
  op: string,
  inputs: Tensor | readonly Tensor[],
  options: CallOptions,
): readonly Tensor[] {
  checkCall(op, options);
  const list: readonly unknown[] = Array.isArray(inputs) ? inputs : [inputs];
  for (const input of list) {
    if (input instanceof Tensor) {
      if (input.data.length === numel(input.shape)) continue;
      throw new ArgumentError('a Tensor without its numbers', {
        op,
        got: `${input.data.length} elements`,
        wanted: `${numel(input.shape)} for shape ${spell(input.shape)}`,
        hint: 'Was its buffer transferred to a worker?',
      });
    }
    throw new ArgumentError('an input that is not a Tensor', {
      op,
      got: shown(input),
      wanted: 'a Tensor or a list of Tensors',
      ...hintFor(input, 'Make one with Tensor.from(data, shape).'),
    });
  }
  return list as readonly Tensor[];
}

/** Copies of the tensors' bytes, which can be moved to the host. */
export function inputBytes(tensors: readonly Tensor[]): Uint8Array<ArrayBuffer>[] {
  return tensors.map(({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice());
}

/** The outputs in the structure that `forward` returned. */
export function outputTensors(
  { graph, structure }: Job,
  outputs: readonly Uint8Array<ArrayBuffer>[],
): Tensor | Tensor[] | Record<string, Tensor> {
  const tensors = graph.outputs.map(({ value }, index) => {
    const shape = graph.values[value]?.shape ?? [];
    const bytes = outputs[index] ?? new Uint8Array(0);
    return Tensor.from(new Float32Array(bytes.buffer, bytes.byteOffset, numel(shape)), shape);
  });
  switch (structure.kind) {
    case 'single':
      return tensors[0] as Tensor;
    case 'list':
      return tensors;
    case 'record':
      return Object.fromEntries(structure.keys.map((key, index) => [key, tensors[index] as Tensor]));
    default:
      return structure satisfies never;
  }
}
