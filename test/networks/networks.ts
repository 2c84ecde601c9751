/** What the network tests share: the networks by name, the builds, and a table of what was measured. */
import { CycleGANGenerator, ResidualBlock, StyleTransferNetwork } from 'gouache';
import type { Module } from 'gouache/nn';
import type { NetworkCase } from '../golden/golden.js';

export { BUILDS, engineOf } from '../builds.js';

/** The network of a golden case, without values. */
export function buildNetwork({ network, args }: NetworkCase): Module {
  const { channels = 0, ...rest } = args;
  switch (network) {
    case 'ResidualBlock':
      return new ResidualBlock(channels);
    case 'StyleTransferNetwork':
      return new StyleTransferNetwork();
    case 'CycleGANGenerator': {
      const { input_nc: inputNc = 3, output_nc: outputNc = 3, ngf = 64, n_blocks: nBlocks = 9 } = rest;
      return new CycleGANGenerator({ inputNc, outputNc, ngf, nBlocks });
    }
    default:
      throw new Error(`no network ${network}`);
  }
}

/** Collects measured errors and prints them in the end: a bound that holds says little without the figure. */
export class Measured {
  readonly #rows: string[] = [];

  add(what: string, difference: number): void {
    this.#rows.push(`  ${what.padEnd(56)} ${difference.toExponential(1)}`);
  }

  print(title: string): void {
    console.log([title, ...this.#rows].join('\n'));
  }
}

/** Ways to compile a network, each held to the same bound. */
export const VARIANTS = [
  { variant: 'fused', options: { fuse: true } },
  { variant: 'unfused', options: { fuse: false } },
  { variant: 'direct kernels alone', options: { precision: 'highest' } },
] as const;
