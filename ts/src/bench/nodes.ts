/** Which Node children run in; others than the running one are installed on first use. */
import type { NodeProgram } from './process.js';

/** scripts/rivals/install.mjs */
interface Installer {
  ensureRivals(): Promise<string | null>;
  ensureNode(major: number): Promise<NodeProgram | string>;
}

export function installer(): Promise<Installer> {
  const url = new URL('../../scripts/rivals/install.mjs', import.meta.url);
  return import(url.href);
}

/** The running Node, or one of a major version; why there is none, in words. */
export async function nodeOf(wanted: number | 'current'): Promise<NodeProgram | string> {
  if (wanted === 'current') return { path: process.execPath, version: process.version };
  return (await installer()).ensureNode(wanted);
}
