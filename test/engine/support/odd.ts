// Odd values for every argument: what callers without types, with bugs, or in other realms pass.
import vm from 'node:vm';
import { Tensor } from 'gouache';
import * as nn from 'gouache/nn';

/** Thrown by the odd values' own getters, traps and iterators: it is the caller's, and may pass. */
export const MINE = new Error('thrown by the caller’s own value');

function throwing(): never {
  throw MINE;
}

function revoked(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

function circular(): unknown[] {
  const list: unknown[] = [1];
  list.push(list, { list });
  return list;
}

const TRAPS: ProxyHandler<object> = Object.fromEntries(
  ['get', 'has', 'ownKeys', 'getPrototypeOf', 'getOwnPropertyDescriptor', 'apply', 'construct'].map(
    (trap) => [trap, throwing],
  ),
);

/** Each is made anew for each call. */
export const ODD: Readonly<Record<string, () => unknown>> = {
  undefined: () => undefined,
  null: () => null,
  NaN: () => Number.NaN,
  Infinity: () => Number.POSITIVE_INFINITY,
  '-Infinity': () => Number.NEGATIVE_INFINITY,
  '-1': () => -1,
  '-0': () => -0,
  0: () => 0,
  1.5: () => 1.5,
  '1e-320': () => 1e-320,
  7: () => 7,
  '2^31': () => 2 ** 31,
  '2^53': () => 2 ** 53,
  '1e308': () => 1e308,
  'empty text': () => '',
  text: () => 'x',
  digits: () => '3',
  __proto__name: () => '__proto__',
  true: () => true,
  false: () => false,
  bigint: () => 2n ** 64n,
  symbol: () => Symbol('odd'),
  'no prototype': () => Object.create(null),
  'empty object': () => ({}),
  'unknown key': () => ({ odd: 1 }),
  'prototype key': () => JSON.parse('{ "__proto__": { "odd": 1 } }'),
  'empty list': () => [],
  'list of a list': () => [[]],
  'list of null': () => [null],
  'list of NaN': () => [Number.NaN],
  'list of a symbol': () => [Symbol('odd'), 1],
  'list of objects without prototype': () => [Object.create(null), Object.create(null)],
  'nested numbers': () => [1, [2, [3]]],
  pair: () => [1, 2],
  'four numbers': () => [1, 2, 3, 4],
  'large numbers': () => [2 ** 31, 2 ** 31],
  hole: () => new Array(3).fill(1, 1),
  'a million holes': () => new Array(2 ** 20),
  'many axes': () => new Array(5000).fill(1),
  circular,
  function: () => () => 5,
  'throwing function': () => throwing,
  class: () => class Odd {},
  generator: () =>
    (function* () {
      yield 1;
    })(),
  date: () => new Date(Number.NaN),
  regexp: () => /x/,
  map: () => new Map([[1, 2]]),
  set: () => new Set([1]),
  weakmap: () => new WeakMap(),
  promise: () => Promise.resolve(1),
  error: () => new Error('odd'),
  proxy: () => new Proxy({}, TRAPS),
  'proxy of a list': () => new Proxy([1, 2], { ...TRAPS }),
  'proxy of a function': () => new Proxy(() => 1, TRAPS),
  'revoked proxy': revoked,
  'throwing toString': () => ({ toString: throwing, [Symbol.toPrimitive]: throwing, toJSON: throwing }),
  'throwing getters': () => ({
    get length() {
      return throwing();
    },
    get data() {
      return throwing();
    },
    get constructor() {
      return throwing();
    },
    get message() {
      return throwing();
    },
    get name() {
      return throwing();
    },
  }),
  'throwing iterator': () => ({ [Symbol.iterator]: throwing, length: 2 }),
  'endless length': () => ({ length: 2 ** 53 - 1 }),
  'list of another realm': () => vm.runInNewContext('[1, 2]'),
  'object of another realm': () => vm.runInNewContext('({ odd: 1 })'),
  'bytes of another realm': () => vm.runInNewContext('new Uint8Array(16)'),
  'error of another realm': () => vm.runInNewContext('new Error("odd")'),
  buffer: () => Buffer.from('odd bytes, eight and more'),
  float32: () => new Float32Array(3),
  bigints: () => new BigInt64Array(2),
  dataview: () => new DataView(new ArrayBuffer(8)),
  arraybuffer: () => new ArrayBuffer(8),
  shared: () => new SharedArrayBuffer(8),
  transferred: () => {
    const bytes = new Uint8Array(8);
    structuredClone(bytes, { transfer: [bytes.buffer] });
    return bytes;
  },
  url: () => new URL('file:///nowhere'),
  aborted: () => ({ aborted: true, reason: MINE, addEventListener() {}, removeEventListener() {} }),
  tensor: () => Tensor.from([1, 2], [2]),
  'transferred tensor': () => {
    const tensor = Tensor.from([1, 2], [2]);
    structuredClone(tensor.data, { transfer: [tensor.data.buffer] });
    return tensor;
  },
  parameter: () => new nn.Parameter([2]),
  layer: () => new nn.ReLU(),
  'layer without weights': () => new nn.Conv2d(3, 3, 3),
};
