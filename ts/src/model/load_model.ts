/** loadModel: a safetensors file whose metadata says what network it is -> that network with its weights, and its value ranges. */
import { ModelFormatError } from '../errors.js';
import { type ArgumentBounds, networks } from '../networks/index.js';
import { foreignAdvice, foreignNetwork } from '../nn/foreign_networks.js';
import type { Module } from '../nn/module.js';
import { clip } from '../spell.js';
import { viewSafetensors } from './safetensors.js';

/** Lowest and highest value: of pixels going in, or of a painting coming out. */
export type ValueRange = readonly [lowest: number, highest: number];

/** A network ready to paint. */
export interface Model {
  /** In eval mode. */
  readonly network: Module;
  /** What black and white pixels become. */
  readonly inputRange: ValueRange;
  /** What becomes black and white pixels. */
  readonly outputRange: ValueRange;
  readonly inputChannels: number;
  readonly outputChannels: number;
  /** The metadata's `name`, where there is one. */
  readonly name?: string;
  readonly metadata: ReadonlyMap<string, string>;
}

const op = 'loadModel';
const DEFAULT_RANGE: ValueRange = [-1, 1];
const NUMBER = String.raw`(-?\d{1,6}(?:\.\d{1,6})?)`;
const RANGE = new RegExp(`^${NUMBER}\\.\\.${NUMBER}$`);

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** The value of a key in camelCase or snake_case. @throws {@link ModelFormatError} when both are there and differ */
function either(metadata: ReadonlyMap<string, string>, name: string): string | undefined {
  const [camel, snake] = [metadata.get(name), metadata.get(snakeCase(name))];
  if (camel !== undefined && snake !== undefined && camel !== snake) {
    throw new ModelFormatError('metadata contradicts itself', {
      op,
      got: `${name}=${clip(camel)} and ${snakeCase(name)}=${clip(snake)}`,
    });
  }
  return camel ?? snake;
}

function argument(metadata: ReadonlyMap<string, string>, name: string, bounds: ArgumentBounds): number {
  const text = either(metadata, name);
  if (text === undefined) return bounds.default;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= bounds.least && value <= bounds.most) return value;
  throw new ModelFormatError(`metadata ${name} cannot be right`, {
    op,
    got: `'${clip(text)}'`,
    wanted: `a whole number from ${bounds.least} to ${bounds.most}`,
  });
}

function range(metadata: ReadonlyMap<string, string>, name: string): ValueRange {
  const text = either(metadata, name);
  if (text === undefined) return DEFAULT_RANGE;
  const match = RANGE.exec(text);
  const [lowest, highest] = [Number(match?.[1] ?? Number.NaN), Number(match?.[2] ?? Number.NaN)];
  if (lowest < highest) return [lowest, highest];
  throw new ModelFormatError(`metadata ${name} cannot be right`, {
    op,
    got: `'${clip(text)}'`,
    wanted: "a range such as '-1..1'",
  });
}

/**
 * Loads a model file: the network and its arguments, value ranges (default -1..1) and weights. All are copied out of `bytes`.
 * @throws {@link ModelFormatError} for a damaged file, or metadata that names no known network
 * @throws {@link StateDictError} when the weights are not the named network's
 */
export function loadModel(bytes: Uint8Array | ArrayBuffer): Model {
  const { tensors, metadata } = viewSafetensors(bytes);
  const kind = metadata.get('network');
  const entry = kind === undefined ? undefined : networks.get(kind);
  if (entry === undefined) {
    const foreign = foreignNetwork(tensors.keys());
    throw new ModelFormatError(
      kind === undefined ? 'the file does not say which network it is' : 'unknown network',
      {
        op,
        got: kind === undefined ? 'no metadata key network' : `'${clip(kind)}'`,
        wanted: [...networks.keys()].join(' or '),
        hint:
          foreign === null
            ? 'Make the network yourself, then: network.loadStateDict(readSafetensors(bytes).tensors).'
            : foreignAdvice(foreign),
      },
    );
  }
  const values: Record<string, number> = {};
  for (const [name, bounds] of Object.entries(entry.arguments))
    values[name] = argument(metadata, name, bounds);
  const [inputRange, outputRange] = [range(metadata, 'inputRange'), range(metadata, 'outputRange')];
  const { network, inputChannels, outputChannels } = entry.create(values);
  network.loadStateDict(tensors);
  network.eval();
  const name = metadata.get('name');
  return {
    network,
    inputRange,
    outputRange,
    inputChannels,
    outputChannels,
    metadata,
    ...(name === undefined ? {} : { name }),
  };
}
