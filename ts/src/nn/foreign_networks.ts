/** Well-known networks of other projects that gouache has no class of, told by their state-dict keys. */

const NETWORKS: readonly (readonly [key: RegExp, name: string])[] = [
  // The repository of CycleGAN's and pix2pix's authors.
  [/(^|\.)model\.\d+\.conv_block\.\d+\.weight$/, 'ResnetGenerator of pytorch-CycleGAN-and-pix2pix'],
  [/(^|\.)model\.model\.1\.model\.1\.weight$/, 'UnetGenerator of pytorch-CycleGAN-and-pix2pix'],
  [/(^|\.)res1\.conv1\.conv2d\.weight$/, 'TransformerNet of pytorch/examples'],
  [/(^|\.)block_e\.0\.1\.weight$/, 'Generator of animegan2-pytorch'],
];

/** The network and the project it is of; null for keys that are none of theirs. */
export function foreignNetwork(keys: Iterable<string>): string | null {
  for (const key of keys) {
    const found = NETWORKS.find(([pattern]) => pattern.test(key));
    if (found !== undefined) return found[1];
  }
  return null;
}

/** What to do about the weights of such a network. */
export function foreignAdvice(name: string): string {
  return `The keys are those of ${name}, a network that gouache has no class of. If gouache/nn has its layers, write it as a module with the same keys.`;
}
