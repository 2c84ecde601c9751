/** What to do about a state dict that does not fit, as far as its keys tell. */
import { isMap, isPlainObject } from '../brand.js';
import { shown } from '../spell.js';
import { WEIGHT_DTYPES } from '../tensor/stored.js';
import { Tensor } from '../tensor/tensor.js';
import { foreignAdvice, foreignNetwork } from './foreign_networks.js';

/** Longer prefixes are not looked for: keys come out of files, and may be anything. */
const MOST_NAMES = 16;
const MOST_LETTERS = 80;

/** What came instead of a state dict, and what to do about it; null for what may be one. */
export function mistakenFor(source: unknown): { readonly got: string; readonly hint?: string } | null {
  if (source === null || typeof source !== 'object') return { got: shown(source) };
  if (source instanceof Tensor) return { got: 'one Tensor' };
  if (ArrayBuffer.isView(source) || 'byteLength' in source)
    return { got: 'bytes', hint: 'Read them first: readSafetensors(bytes).tensors.' };
  if (isMap(source)) {
    const kind = [...source.keys()].map((key) => typeof key).find((one) => one !== 'string');
    return kind === undefined ? null : { got: `a Map with a key that is a ${kind}` };
  }
  const { then, tensors, stateDict, network } = source as Readonly<Record<string, unknown>>;
  if (typeof then === 'function') return { got: 'a Promise', hint: 'Await it first.' };
  if (isMap(tensors))
    return { got: 'all of a file', hint: 'Pass its tensors: readSafetensors(bytes).tensors.' };
  if (typeof stateDict === 'function')
    return { got: 'a module', hint: 'Pass its state dict: module.stateDict().' };
  if (typeof (network as { stateDict?: unknown } | undefined)?.stateDict === 'function')
    return { got: 'a model', hint: "Pass its network's state dict: model.network.stateDict()." };
  return isPlainObject(source) ? null : { got: shown(source) };
}

/** What is known of a state dict that does not fit. */
export interface Misfit {
  /** The module's class. */
  readonly kind: string;
  /** The module's keys. */
  readonly target: readonly string[];
  /** The state dict's keys. */
  readonly source: readonly string[];
  /** Whether the state dict is a Map, not an object. */
  readonly isMap: boolean;
  readonly missing: readonly string[];
  readonly unexpected: readonly string[];
  readonly wrongShape: boolean;
  readonly wrongDtype: boolean;
  readonly notTensors: boolean;
}

/** The likeliest reason, and what to do. */
export function adviceFor(misfit: Misfit): string {
  const { kind, target, source, missing, unexpected, wrongShape, wrongDtype, notTensors } = misfit;
  if (source.length === 0) return 'It is empty: is it the right file?';
  const given = new Set(source);
  if (missing.some((key) => given.has(key)))
    return 'Missing are parameters that have no values yet: load weights into their own module first.';
  const foreign = foreignNetwork(source);
  // A user's own module may be that very network.
  if (foreign !== null && foreign !== foreignNetwork(target)) return foreignAdvice(foreign);
  const prefix = prefixAdvice(misfit);
  if (prefix !== null) return prefix;
  if (missing.length * 2 > target.length && unexpected.length > 0)
    return `These look like the weights of another network than this ${kind}.`;
  if (wrongShape)
    return `Make the ${kind} with the arguments that the weights were trained with; { strict: false } does not help.`;
  if (wrongDtype) return `Convert weights to float32 before saving; ${WEIGHT_DTYPES.join(', ')} are taken.`;
  if (notTensors) return 'Numbers become a tensor by Tensor.from(data, shape).';
  return 'loadStateDict(tensors, { strict: false }) passes over missing and unexpected keys.';
}

/** The line that loads keys which fit but for a prefix: a wrapper's, or that of a part of a larger checkpoint. */
function prefixAdvice({ isMap, missing, unexpected }: Misfit): string | null {
  const [make, entries] = isMap
    ? ['new Map', '[...tensors]']
    : ['Object.fromEntries', 'Object.entries(tensors)'];
  const load = (change: string): string => `loadStateDict(${make}(${entries}.${change}))`;
  const surplus = prefixes(unexpected, missing);
  const [first] = surplus;
  if (first !== undefined) {
    const start = JSON.stringify(first);
    const all = surplus.slice(0, 3).map((prefix) => JSON.stringify(prefix));
    const strip = `flatMap(([key, tensor]) => (key.startsWith(${start}) ? [[key.slice(${first.length}), tensor]] : []))`;
    return `Keys that would fit begin with ${all.join(' or ')}. Strip it: ${load(strip)}`;
  }
  const [lacking] = prefixes(missing, unexpected);
  if (lacking === undefined) return null;
  const start = JSON.stringify(lacking);
  return `The keys would fit with ${start} in front. Add it: ${load(`map(([key, tensor]) => [${start} + key, tensor])`)}`;
}

/** The prefixes under which most of `short` stand in `long`; none where that is not more than the half. */
function prefixes(long: readonly string[], short: readonly string[]): string[] {
  const wanted = new Set(short);
  const counts = new Map<string, number>();
  let most = 0;
  for (const key of long) {
    let dot = key.indexOf('.');
    for (let names = 0; dot !== -1 && names < MOST_NAMES; names++) {
      const prefix = key.slice(0, dot + 1);
      if (prefix.length <= MOST_LETTERS && wanted.has(key.slice(dot + 1))) {
        const count = (counts.get(prefix) ?? 0) + 1;
        counts.set(prefix, count);
        most = Math.max(most, count);
      }
      dot = key.indexOf('.', dot + 1);
    }
  }
  if (most * 2 <= short.length) return [];
  return [...counts].filter(([, count]) => count === most).map(([prefix]) => prefix);
}
