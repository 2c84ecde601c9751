/** loadModel: a safetensors file whose metadata says what network it is -> that network with its weights, and how pictures enter and leave it. */
import { checkOptions } from '../check.js';
import { ArgumentError, type ErrorFacts, ModelFormatError } from '../errors.js';
import { type ArgumentBounds, networks } from '../networks/index.js';
import { foreignAdvice, foreignNetwork } from '../nn/foreign_networks.js';
import type { Module } from '../nn/module.js';
import {
  checkContract,
  overlaid,
  type PictureContract,
  resolveContract,
  type ValueRange,
} from '../picture_contract.js';
import { clip, messageOf } from '../spell.js';
import { viewSafetensors } from './safetensors.js';

/** All that `paint` needs of a model. */
export interface PaintModel {
  /** In eval mode. */
  readonly network: Module;
  /** How pictures enter and leave it; what it leaves out has its default. */
  readonly pictures: PictureContract;
}

/** A network ready to paint, as a file has it. */
export interface Model extends PaintModel {
  /** The metadata's `name`, where there is one. */
  readonly name?: string;
  readonly metadata: ReadonlyMap<string, string>;
}

/** What `loadModel` can be told. */
export interface LoadOptions {
  /** How pictures enter and leave the network, as a card says it; it goes before what the file says, entry by entry. */
  readonly pictures?: PictureContract | undefined;
}

const op = 'loadModel';
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

const refuse = (what: string, facts: ErrorFacts) => new ModelFormatError(what, { op, ...facts });
const refuseArgument = (what: string, facts: ErrorFacts) => new ArgumentError(what, { op, ...facts });

function range(metadata: ReadonlyMap<string, string>, name: string): ValueRange | undefined {
  const text = either(metadata, name);
  if (text === undefined) return undefined;
  const match = RANGE.exec(text);
  const [lowest, highest] = [Number(match?.[1] ?? Number.NaN), Number(match?.[2] ?? Number.NaN)];
  if (lowest < highest) return [lowest, highest];
  throw new ModelFormatError(`metadata ${name} cannot be right`, {
    op,
    got: `'${clip(text)}'`,
    wanted: "a range such as '-1..1'",
  });
}

/** What the metadata say of pictures: a contract as JSON in `pictures`, or ranges in `inputRange` and `outputRange`. */
function picturesOf(metadata: ReadonlyMap<string, string>): PictureContract {
  const ranges = [range(metadata, 'inputRange'), range(metadata, 'outputRange')] as const;
  const text = metadata.get('pictures');
  if (text === undefined)
    return checkContract({ input: { range: ranges[0] }, output: { range: ranges[1] } }, refuse);
  if (ranges.some((said) => said !== undefined)) {
    throw refuse('metadata say twice how pictures enter', { got: 'pictures, and inputRange or outputRange' });
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw refuse('metadata pictures is not JSON', {
      got: `'${clip(text)}'`,
      hint: messageOf(error),
      cause: error,
    });
  }
  return checkContract(json, refuse);
}

/**
 * Loads a model file: the network and its arguments, how pictures enter and leave it, and its weights. All are copied out of `bytes`.
 * @throws {@link ModelFormatError} for a damaged file, metadata that name no known network, or say of pictures what cannot be right
 * @throws {@link ArgumentError} when the options cannot be right
 * @throws {@link StateDictError} when the weights are not the named network's
 */
export function loadModel(bytes: Uint8Array | ArrayBuffer, options: LoadOptions = {}): Model {
  checkOptions(options, op, ['pictures']);
  const said = checkContract(options.pictures ?? {}, refuseArgument);
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
  const inFile = picturesOf(metadata);
  const made = entry.create(values);
  const { network } = made;
  const own = overlaid(made.pictures, inFile);
  const pictures = overlaid(own, said);
  resolveContract(own, refuse);
  resolveContract(pictures, refuseArgument);
  network.loadStateDict(tensors);
  network.eval();
  const name = metadata.get('name');
  return {
    network,
    pictures,
    metadata,
    ...(name === undefined ? {} : { name }),
  };
}
