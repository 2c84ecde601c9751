/** The networks that model files may name, with the arguments a file may give and their bounds: numbers from files are never trusted. */
import type { Module } from '../nn/module.js';
import type { PictureContract } from '../picture_contract.js';
import { CycleGANGenerator } from './cyclegan_generator.js';
import { StyleTransferNetwork } from './style_transfer_network.js';

export { CycleGANGenerator, type CycleGANGeneratorOptions } from './cyclegan_generator.js';
export { ResidualBlock, StyleTransferNetwork } from './style_transfer_network.js';

/** Bounds of an argument, far beyond any real network and far below any harm. */
export interface ArgumentBounds {
  readonly least: number;
  readonly most: number;
  readonly default: number;
}

export interface NetworkEntry {
  /** By their camelCase names. */
  readonly arguments: Readonly<Record<string, ArgumentBounds>>;
  /** @param values one number an argument, within its bounds */
  create(values: Readonly<Record<string, number>>): {
    readonly network: Module;
    readonly pictures: PictureContract;
  };
}

/**
 * How pictures enter and leave both, where that is not the default: they halve sizes twice, and a norm needs two rows or columns. Those of other
 * than one or three channels do not paint.
 */
function pictures(inputChannels: number, outputChannels: number): PictureContract {
  // An output is like the input, unless it says otherwise.
  const otherwise = inputChannels === 1 ? 'RGB' : undefined;
  return {
    input: { channelOrder: inputChannels === 1 ? 'grey' : undefined, sides: { multipleOf: 4, least: 8 } },
    output: { channelOrder: outputChannels === 1 ? 'grey' : otherwise, scale: 1 },
  };
}

/** Network name -> how to make it. */
export const networks: ReadonlyMap<string, NetworkEntry> = new Map<string, NetworkEntry>([
  [
    'StyleTransferNetwork',
    {
      arguments: {},
      create: () => ({ network: new StyleTransferNetwork(), pictures: pictures(3, 3) }),
    },
  ],
  [
    'CycleGANGenerator',
    {
      arguments: {
        inputNc: { least: 1, most: 1024, default: 3 },
        outputNc: { least: 1, most: 1024, default: 3 },
        ngf: { least: 1, most: 4096, default: 64 },
        nBlocks: { least: 0, most: 256, default: 9 },
      },
      create({ inputNc = 3, outputNc = 3, ngf = 64, nBlocks = 9 }) {
        const network = new CycleGANGenerator({ inputNc, outputNc, ngf, nBlocks });
        return { network, pictures: pictures(inputNc, outputNc) };
      },
    },
  ],
]);
