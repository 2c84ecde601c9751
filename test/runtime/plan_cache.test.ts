// The cache's books: what is held and what is idle, what it costs, who goes first; and that none of it walks the plans.
import * as nn from 'gouache/nn';
import { expect, test } from 'vitest';
import { type CachedPlan, type HostWeight, PlanCache } from '../../dist/runtime/plan_cache.js';

const NOTHING = { wasmBytes: 0, heapBytes: 0 };
const keys = (plans: readonly CachedPlan[]): string[] => plans.map(({ key }) => key);
const weightOf = (key: string, bytes: number): HostWeight => ({ key, id: 0, bytes, plans: 0, held: 0 });
const valuesOf = (...parameters: nn.Parameter[]) =>
  new Map(parameters.map((parameter) => [parameter, parameter.values]));

/** A plan of 10 bytes of wasm memory and 1 of heap. */
function plan(
  key: string,
  weights: readonly HostWeight[] = [],
  parameters: readonly nn.Parameter[] = [],
): CachedPlan {
  return { key, id: 0, parameters: parameters.map(({ uid }) => uid), weights, wasmBytes: 10, heapBytes: 1 };
}

test('the least recently used goes first, never the one in use, and no more than must', () => {
  const cache = new PlanCache();
  for (const key of ['a', 'b', 'c', 'd']) cache.add(plan(key), valuesOf());
  cache.use(cache.find('a'));
  // Idle: b, c, d.
  expect(keys(cache.takeExcess({ wasmBytes: 30, heapBytes: 3 }))).toEqual([]);
  expect(keys(cache.takeExcess({ wasmBytes: 29, heapBytes: 3 }))).toEqual(['b']);
  expect(keys(cache.takeExcess({ wasmBytes: 30, heapBytes: 1 }))).toEqual(['c']);
  expect(keys(cache.takeExcess(NOTHING))).toEqual(['d']);
  expect(cache.find('a')).not.toBeNull();
  cache.use(null);
  expect(keys(cache.takeExcess(NOTHING))).toEqual(['a']);
  expect(cache.find('a')).toBeNull();
});

test('a pinned plan stays until its last unpin, also when it is loaded anew in between', () => {
  const cache = new PlanCache();
  const parameter = new nn.Parameter([1]);
  const values = valuesOf(parameter);
  cache.add(plan('a', [], [parameter]), values);
  cache.pin('a');
  cache.pin('a');
  cache.use(null);
  expect(cache.takeExcess(NOTHING)).toEqual([]);
  const later = new Map([[parameter, { version: 1, stored: null }]]);
  expect(keys(cache.takeStale(later))).toEqual(['a']);
  cache.add(plan('a', [], [parameter]), later);
  cache.unpin('a');
  cache.use(null);
  expect(cache.takeIdle('a')).toEqual([]);
  cache.unpin('a');
  expect(keys(cache.takeIdle('a'))).toEqual(['a']);
});

test('a weight costs the cache nothing while a held plan uses it, and once afterwards', () => {
  const cache = new PlanCache();
  const shared = weightOf('shared', 100);
  for (const key of ['a', 'b', 'c']) cache.add(plan(key, [shared]), valuesOf());
  cache.pin('a');
  cache.use(null);
  expect(keys(cache.takeExcess({ wasmBytes: 20, heapBytes: 9 }))).toEqual([]);
  cache.unpin('a');
  expect(keys(cache.takeExcess({ wasmBytes: 130, heapBytes: 9 }))).toEqual([]);
  expect(keys(cache.takeExcess({ wasmBytes: 120, heapBytes: 9 }))).toEqual(['b']);
  expect(cache.weight('shared')).toBe(shared);
  expect(keys(cache.takeExcess({ wasmBytes: 109, heapBytes: 9 }))).toEqual(['c', 'a']);
  expect(cache.weight('shared')).toBeUndefined();
  // Nothing is left on the books.
  cache.add(plan('d'), valuesOf());
  cache.use(null);
  expect(cache.takeExcess({ wasmBytes: 10, heapBytes: 1 })).toEqual([]);
});

test('plans of other versions are stale, and only those', () => {
  const cache = new PlanCache();
  const [p, q] = [new nn.Parameter([1]), new nn.Parameter([1])];
  cache.add(plan('p', [], [p]), valuesOf(p));
  cache.add(plan('p and q', [], [p, q]), valuesOf(p, q));
  cache.add(plan('q', [], [q]), valuesOf(q));
  expect(cache.takeStale(valuesOf(p, q))).toEqual([]);
  const changed = new Map([[p, { version: 1, stored: null }]]);
  expect(keys(cache.takeStale(changed)).sort()).toEqual(['p', 'p and q']);
  expect(cache.takeStale(changed)).toEqual([]);
  expect(cache.find('q')).not.toBeNull();
});

test('what a call asks of the books does not grow with the plans', () => {
  const cache = new PlanCache();
  let looks = 0;
  /** A plan that counts how often anything of it is read. */
  const counted = (key: string, parameters: readonly nn.Parameter[]): CachedPlan =>
    new Proxy(plan(key, [], parameters), {
      get: (target, property) => {
        looks++;
        return Reflect.get(target, property);
      },
    });
  const looksOfACall = (parameter: nn.Parameter): number => {
    looks = 0;
    const key = `of ${parameter.uid}`;
    const values = valuesOf(parameter);
    cache.takeStale(values);
    cache.use(cache.find(key));
    cache.add(counted(key, [parameter]), values);
    cache.pin(key);
    cache.unpin(key);
    cache.takeExcess({ wasmBytes: 1e9, heapBytes: 1e9 });
    return looks;
  };
  looksOfACall(new nn.Parameter([1]));
  const early = looksOfACall(new nn.Parameter([1]));
  for (let index = 0; index < 2000; index++) looksOfACall(new nn.Parameter([1]));
  expect(early).toBeGreaterThan(0);
  expect(looksOfACall(new nn.Parameter([1]))).toBe(early);
});
