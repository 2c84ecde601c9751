// A Node newer than the one that runs the tests: 24, from its package in the npm registry. Not for the newest of anything else.
import { nodeOf } from '../../scripts/lib/other_node.mjs';
import { once } from './installed.js';

const MAJOR = 24;

/** A Node that the tests run programs with. */
export interface OtherNode {
  readonly path: string;
  readonly version: string;
}

/**
 * Node 24, or this process's own where that is newer.
 * @returns the reason, in words, where there is none
 */
export async function newerNode(): Promise<OtherNode | string> {
  if (Number(process.versions.node.split('.')[0]) >= MAJOR)
    return { path: process.execPath, version: process.version };
  try {
    await once('newer-node', async () => {
      await nodeOf(MAJOR);
    });
    return await nodeOf(MAJOR);
  } catch (error) {
    return error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
  }
}
