// What every command begins with: packages, kernels and JavaScript, each only if missing or changed.
import { BUILDS } from './builds.mjs';
import { ensureNodePackages } from './node_packages.mjs';
import { StepError } from './steps.mjs';
import { ensureTs } from './ts.mjs';
import { ensureWasm } from './wasm.mjs';

export const allBuilds = BUILDS.map(({ name }) => name);

/**
 * @param {readonly string[]} builds names of WebAssembly builds
 * @throws {StepError}
 */
export async function ensureBuilt(builds) {
  const unknown = builds.find((name) => !allBuilds.includes(name));
  if (unknown !== undefined)
    throw new StepError(`no build is called '${unknown}'; there are ${allBuilds.join(', ')}`);
  await ensureNodePackages();
  await ensureWasm(builds);
  await ensureTs();
}
