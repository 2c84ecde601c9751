/** Where the benchmark's programs find the repository, and what it keeps between runs. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository, with the package that is built in it. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** Models that are made for the engines. */
export const FILES = path.join(ROOT, '.tools/bench');
/** Float64 values of the networks' outputs. */
export const REFERENCES = path.join(ROOT, 'test/golden/bench/references.safetensors');
