// What is public: how each function, class and method is called, with arguments that are right. odd_arguments.test.ts replaces them.
// It is over 400 lines because it is one list.
import { readFileSync } from 'node:fs';
import * as root from 'gouache';
import * as nn from 'gouache/nn';
import * as onnx from 'gouache/onnx';
import { noise, weightsFor } from './engines.js';

const F = nn.functional;
const { Engine, Tensor } = root;

export interface Subject {
  /** Made anew for each call. */
  readonly args: () => unknown[];
  call(...args: unknown[]): unknown;
  /** Also the right arguments are refused. */
  readonly refuses?: boolean;
}

/** Takes a function of any parameters: odd values are what it is for. */
type Callable = (...args: never[]) => unknown;

/** Layers of a function without numbers, and the functions: nn.ReLU and functional.relu. */
export const ACTIVATIONS = Object.entries(nn).flatMap(([name, Layer]) => {
  if (typeof Layer !== 'function' || Object.getPrototypeOf(Layer) !== Object.getPrototypeOf(nn.ReLU))
    return [];
  return [{ name, Layer: Layer as typeof nn.ReLU, call: Reflect.get(F, name.toLowerCase()) as Callable }];
});

function calling(args: () => unknown[], call: Callable): Subject {
  return { args, call: call as Subject['call'] };
}

/** Stands in arguments for the symbolic value, which exists in the trace only. */
const X = Symbol('the value that forward receives');

/** The public interface as an engine sees it. */
export function publicSubjects(engine: root.Engine): Readonly<Record<string, Subject>> {
  /** Something to call while the engine traces; what it gives is computed. */
  const traced = (args: () => unknown[], call: Callable, shape = [1, 3, 8, 8]): Subject => ({
    args,
    call: (...given) =>
      engine.run((x: nn.Value) => {
        const valued = (one: unknown): unknown =>
          one === X ? x : Array.isArray(one) && one.includes(X) ? one.map(valued) : one;
        const y = (call as Subject['call'])(...given.map(valued));
        return y instanceof nn.Value ? y : x;
      }, noise(shape)),
  });

  /** A method of the symbolic value. */
  const method = (args: () => unknown[], call: (x: nn.Value, ...args: never[]) => unknown): Subject => ({
    args,
    call: (...given) => traced(() => [], call).call(X, ...given),
  });

  const ready = <M extends nn.Module>(module: M): M => {
    module.loadStateDict(weightsFor(module, 1));
    return module;
  };

  /** A layer is made, walked, and run where its weights are few. */
  const layer = (Layer: unknown, args: unknown[], shape = [1, 3, 8, 8]): Subject => ({
    args: () => structuredClone(args),
    call: async (...given) => {
      const made = new (Layer as new (...args: unknown[]) => nn.Module)(...given).eval();
      if (made.parameters().some((parameter) => parameter.numel() > 10_000)) return;
      await engine.run(ready(made), noise(shape));
    },
  });

  const forward = (make: () => nn.Module, shape?: number[]): Subject =>
    traced(
      () => [X],
      (x: nn.Value) => make().forward(x),
      shape,
    );

  const weight = (...shape: number[]) => new nn.Parameter(noise(shape));
  const list = () => new nn.ModuleList([new nn.ReLU()]);
  const image = { data: new Uint8Array(12), width: 2, height: 2, channels: 3 };
  const stored = (): nn.StoredTensor => ({
    bytes: new Uint8Array(8),
    dtype: 'F32',
    shape: [2],
    strides: [1],
  });
  const file = readFileSync(new URL('../../../models/mosaic.safetensors', import.meta.url));
  const wasm = readFileSync(new URL('../../../dist/wasm/simd128.wasm', import.meta.url));
  const model = () => ({
    network: ready(new nn.Conv2d(3, 3, 1)),
    pictures: { input: { range: [-1, 1] }, output: { range: [-1, 1] } },
  });
  const two = () => Tensor.from([1, 2], [2]);
  const relu = (x?: nn.Value) => x?.relu() ?? [];
  const session = () => engine.compile(relu, [2]);
  const options = () => ({ precision: 'high', fuse: true, signal: undefined, onProgress() {} });
  const norms = { eps: 1e-5, momentum: 0.1, affine: true, trackRunningStats: false };
  const conv = { stride: 1, padding: 1, dilation: 1, groups: 1, bias: true };
  const affine = () => ({ weight: weight(3), bias: weight(3), eps: 1e-5 });

  return {
    'Engine.create': calling(
      () => [
        {
          build: 'simd128',
          threads: 1,
          worker: false,
          workerUrl: 'data:,',
          maxMemoryBytes: 2 ** 23,
          onWarning() {},
        },
      ],
      async (...args: never[]) => (await Engine.create(...args)).dispose(),
    ),
    'Engine.create of wasm': calling(
      () => [{ wasm, threads: 1, worker: false }],
      async (...args: never[]) => (await Engine.create(...args)).dispose(),
    ),
    'Engine#info': calling(() => [], engine.info.bind(engine)),
    'Engine#memory': calling(() => [], engine.memory.bind(engine)),
    'Engine#run': calling(() => [relu, [two()], options()], engine.run.bind(engine)),
    'Engine#compile': calling(
      () => [relu, [2, 3], options()],
      async (...args: Parameters<root.Engine['compile']>) => (await engine.compile(...args)).dispose(),
    ),
    'Engine#paint': calling(
      () => [model(), { ...image }, { ...options(), border: 2 }],
      engine.paint.bind(engine),
    ),
    'Engine#paint of what sharp gives': calling(
      () => [model(), { data: image.data, info: { ...image } }],
      engine.paint.bind(engine),
    ),
    'Engine#dispose': calling(
      () => [],
      async (...args: []) => (await Engine.create({ worker: false })).dispose(...args),
    ),
    'Session#run': calling(
      () => [[two()], { signal: undefined, onProgress() {} }],
      async (...args: Parameters<root.Session['run']>) => {
        const one = await session();
        return one.run(...args).finally(() => one.dispose());
      },
    ),
    'Session#profile': calling(
      () => [],
      async (...args: []) => (await session()).profile(...args),
    ),
    'Session#explain': calling(
      () => [],
      async (...args: []) => (await session()).explain(...args),
    ),
    'Session#dispose': calling(
      () => [],
      async (...args: []) => (await session()).dispose(...args),
    ),
    loadModel: calling(() => [new Uint8Array(file), { pictures: { input: { border: 2 } } }], root.loadModel),
    readSafetensors: calling(() => [new Uint8Array(file)], root.readSafetensors),
    'Tensor.from': calling(() => [[1, 2], [2]], Tensor.from),
    'Tensor.zeros': calling(() => [1, 2], Tensor.zeros),
    'Tensor.ones': calling(() => [1, 2], Tensor.ones),
    'Tensor.full': calling(() => [[2], 3], Tensor.full),
    'Tensor#numel': calling(
      () => [],
      (...args: []) => two().numel(...args),
    ),
    'Tensor#reshape': calling(
      () => [2, 1],
      (...args: number[]) => two().reshape(...args),
    ),
    'Tensor#item': calling(
      () => [],
      (...args: []) => Tensor.from(1).item(...args),
    ),
    'Tensor#at': calling(
      () => [1],
      (...args: number[]) => two().at(...args),
    ),
    'Tensor#toArray': calling(
      () => [],
      (...args: []) => two().toArray(...args),
    ),
    StyleTransferNetwork: layer(root.StyleTransferNetwork, []),
    'StyleTransferNetwork#forward': {
      ...forward(() => new root.StyleTransferNetwork()),
      // Its weights are too many for this test.
      refuses: true,
    },
    ResidualBlock: layer(root.ResidualBlock, [3]),
    'ResidualBlock#forward': forward(() => ready(new root.ResidualBlock(3))),
    CycleGANGenerator: layer(root.CycleGANGenerator, [{ inputNc: 3, outputNc: 3, ngf: 2, nBlocks: 1 }]),
    'CycleGANGenerator#forward': forward(() => ready(new root.CycleGANGenerator({ ngf: 2, nBlocks: 1 }))),

    exportOnnx: calling(() => [model().network, [1, 3, 4, 4]], onnx.exportOnnx),
    'exportOnnx of several inputs': calling(() => [relu, [[2]]], onnx.exportOnnx),

    'Module#forward': forward(() => new nn.Identity()),
    'Module#train': calling(
      () => [true],
      (...args: [boolean]) => new nn.ReLU().train(...args),
    ),
    ...Object.fromEntries(
      (
        [
          'eval',
          'namedChildren',
          'children',
          'namedModules',
          'namedParameters',
          'parameters',
          'stateDict',
        ] as const
      ).map((name) => [
        `Module#${name}`,
        calling(
          () => [],
          (...args: []) => list()[name](...args),
        ),
      ]),
    ),
    'Module#loadStateDict': calling(
      () => [
        { weight: noise([3, 3, 1, 1]), bias: { ...stored(), bytes: new Uint8Array(12), shape: [3] } },
        { strict: false },
      ],
      (...args: Parameters<nn.Module['loadStateDict']>) => new nn.Conv2d(3, 3, 1).loadStateDict(...args),
    ),
    'Module#loadStateDict of a Map': calling(
      () => ['weight', noise([3, 3, 1, 1])],
      (key: string, entry: root.Tensor) =>
        new nn.Conv2d(3, 3, 1, { bias: false }).loadStateDict(new Map([[key, entry]])),
    ),
    'properties of a Module': calling(
      () => [1, [2]],
      (...held: unknown[]) => {
        class Holder extends nn.Module {
          readonly held = held;
          readonly first = held[0];
          override forward(x: nn.Value) {
            return x.relu();
          }
        }
        new Holder().loadStateDict(new Map(), { strict: false });
        return engine.run(new Holder(), two());
      },
    ),
    'what forward returns': calling(
      () => [weight(2)],
      (result: nn.Value) => engine.run((_: nn.Value) => result, two()),
    ),
    'what forward returns in a record': calling(
      () => [weight(2)],
      (result: nn.Value) => engine.run((x: nn.Value) => ({ x, result }), two()),
    ),
    Sequential: calling(
      () => [new nn.ReLU(), new nn.Tanh()],
      (...args: nn.Module[]) => engine.run(new nn.Sequential(...args), two()),
    ),
    'Sequential of a record': calling(
      () => [{ first: new nn.ReLU() }],
      (...args: nn.Module[]) => engine.run(new nn.Sequential(...args), two()),
    ),
    'Sequential#at': calling(
      () => [0],
      (...args: [number]) => new nn.Sequential(new nn.ReLU()).at(...args),
    ),
    'Sequential#namedChildren': calling(
      () => [],
      () => new nn.Sequential(new nn.ReLU()).namedChildren(),
    ),
    'Sequential#forward': forward(() => new nn.Sequential(new nn.ReLU())),
    'Sequential#Symbol.iterator': calling(
      () => [],
      () => [...new nn.Sequential(new nn.ReLU())],
    ),
    ModuleList: calling(
      () => [[new nn.ReLU()]],
      (...args: [nn.Module[]]) => new nn.ModuleList(...args),
    ),
    'ModuleList#at': calling(
      () => [0],
      (...args: [number]) => list().at(...args),
    ),
    'ModuleList#append': calling(
      () => [new nn.ReLU()],
      (...args: [nn.Module]) => list().append(...args),
    ),
    'ModuleList#namedChildren': calling(
      () => [],
      () => list().namedChildren(),
    ),
    'ModuleList#forward': { ...forward(list), refuses: true },
    'ModuleList#Symbol.iterator': calling(
      () => [],
      () => [...list()],
    ),

    Identity: layer(nn.Identity, []),
    'Identity#forward': forward(() => new nn.Identity()),
    ...Object.fromEntries(
      ACTIVATIONS.flatMap(({ name, Layer, call }) => [
        [name, layer(Layer, [{ inplace: true }])],
        [`functional.${name.toLowerCase()}`, traced(() => [X, { inplace: false }], call)],
      ]),
    ),
    LeakyReLU: layer(nn.LeakyReLU, [{ negativeSlope: 0.2, inplace: true }]),
    'LeakyReLU#forward': forward(() => new nn.LeakyReLU()),
    PReLU: layer(nn.PReLU, [{ numParameters: 3, init: 0.1 }]),
    'PReLU#forward': forward(() => ready(new nn.PReLU())),
    Hardtanh: layer(nn.Hardtanh, [{ minVal: -1, maxVal: 2, inplace: true }]),
    'Hardtanh#forward': forward(() => new nn.Hardtanh()),
    Sigmoid: layer(nn.Sigmoid, []),
    'Sigmoid#forward': forward(() => new nn.Sigmoid()),
    Tanh: layer(nn.Tanh, []),
    'Tanh#forward': forward(() => new nn.Tanh()),
    Conv2d: layer(nn.Conv2d, [3, 3, [3, 3], { ...conv, padding: [1, 1], paddingMode: 'reflect' }]),
    'Conv2d of padding by name': layer(nn.Conv2d, [3, 3, 3, { ...conv, padding: 'same' }]),
    'Conv2d#forward': forward(() => ready(new nn.Conv2d(3, 3, 3))),
    ConvTranspose2d: layer(nn.ConvTranspose2d, [
      3,
      3,
      [3, 3],
      { ...conv, outputPadding: [0, 0], paddingMode: 'zeros' },
    ]),
    'ConvTranspose2d#forward': forward(() => ready(new nn.ConvTranspose2d(3, 3, 3))),
    BatchNorm1d: layer(nn.BatchNorm1d, [3, norms], [2, 3]),
    'BatchNorm1d#forward': forward(() => new nn.BatchNorm1d(3).eval(), [2, 3]),
    BatchNorm2d: layer(nn.BatchNorm2d, [3, norms]),
    'BatchNorm2d#forward': forward(() => new nn.BatchNorm2d(3).eval()),
    GroupNorm: layer(nn.GroupNorm, [1, 3, { eps: 1e-5, affine: true }]),
    'GroupNorm#forward': forward(() => new nn.GroupNorm(1, 3)),
    InstanceNorm1d: layer(nn.InstanceNorm1d, [3, norms], [1, 3, 8]),
    InstanceNorm2d: layer(nn.InstanceNorm2d, [3, norms]),
    LayerNorm: layer(nn.LayerNorm, [[8, 8], { eps: 1e-5, elementwiseAffine: true, bias: true }]),
    'LayerNorm#forward': forward(() => new nn.LayerNorm(8)),
    ConstantPad2d: layer(nn.ConstantPad2d, [[1, 1, 1, 1], 2]),
    ReflectionPad2d: layer(nn.ReflectionPad2d, [[1, 1, 1, 1]]),
    ReplicationPad2d: layer(nn.ReplicationPad2d, [[1, 1, 1, 1]]),
    ZeroPad2d: layer(nn.ZeroPad2d, [1]),
    Parameter: calling(
      () => [noise([2, 3]), { key: 'odd', optional: true }],
      (...args: ConstructorParameters<typeof nn.Parameter>) => {
        class Holder extends nn.Module {
          readonly held = new nn.Parameter(...args);
          override forward(x: nn.Value) {
            return x.add(this.held);
          }
        }
        new Holder().stateDict();
        return engine.run(new Holder(), Tensor.from([1], [1]));
      },
    ),
    'Parameter of a shape': calling(
      () => [[2, 3]],
      (...args: [number[]]) => new nn.Parameter(...args),
    ),
    'Parameter of bytes': calling(
      () => [stored()],
      (...args: [nn.StoredTensor]) => new nn.Parameter(...args),
    ),
    'Parameter#set': calling(
      () => [stored()],
      (...args: [nn.StoredTensor]) => new nn.Parameter([2]).set(...args),
    ),
    'Parameter#numel': calling(
      () => [],
      () => new nn.Parameter([2]).numel(),
    ),
    Buffer: calling(
      () => [[2, 3], { key: 'odd' }],
      (...args: [number[]]) => new nn.Buffer(...args),
    ),

    'functional.conv2d': traced(() => [X, weight(3, 3, 3, 3), { ...conv, bias: weight(3) }], F.conv2d),
    'functional.convTranspose2d': traced(
      () => [X, weight(3, 3, 3, 3), { ...conv, bias: weight(3), outputPadding: 0 }],
      F.convTranspose2d,
    ),
    'functional.instanceNorm': traced(
      () => [X, { ...affine(), runningMean: null, runningVar: null, useInputStats: true }],
      F.instanceNorm,
    ),
    'functional.instanceNorm of running statistics': traced(
      () => [X, { runningMean: weight(3), runningVar: weight(3), useInputStats: false }],
      F.instanceNorm,
    ),
    'functional.batchNorm': traced(
      () => [X, weight(3), weight(3), { ...affine(), training: false }],
      F.batchNorm,
    ),
    'functional.groupNorm': traced(() => [X, 3, affine()], F.groupNorm),
    'functional.layerNorm': traced(
      () => [X, [8, 8], { weight: weight(8, 8), bias: weight(8, 8), eps: 1e-5 }],
      F.layerNorm,
    ),
    'functional.pad': traced(() => [X, [1, 1, 1, 1], { mode: 'constant', value: 1 }], F.pad),
    'functional.cat': traced(() => [[X, X], 1], F.cat),
    'functional.leakyRelu': traced(() => [X, { negativeSlope: 0.2, inplace: false }], F.leakyRelu),
    'functional.prelu': traced(() => [X, weight(3)], F.prelu),
    'functional.hardtanh': traced(() => [X, { minVal: -1, maxVal: 2, inplace: false }], F.hardtanh),
    'functional.sigmoid': traced(() => [X], F.sigmoid),
    'functional.where': traced(() => [X, weight(3, 1, 1), 2], F.where),
    'functional.tanh': traced(() => [X], F.tanh),
    'functional.rsub': traced(() => [X, 1], F.rsub),
    'functional.rdiv': traced(() => [X, 1], F.rdiv),
    ...Object.fromEntries(
      (['add', 'sub', 'mul', 'div', 'pow', 'minimum', 'maximum'] as const).map((op) => [
        `Expression#${op}`,
        method(
          () => [weight(3, 1, 1)],
          (x, ...args: [nn.Operand]) => x[op](...args),
        ),
      ]),
    ),
    ...Object.fromEntries(
      (['sqrt', 'relu', 'tanh', 'sigmoid', 'exp', 'log', 'abs'] as const).map((op) => [
        `Expression#${op}`,
        method(
          () => [],
          (x, ...args: []) => x[op](...args),
        ),
      ]),
    ),
    'Expression#clamp': method(
      () => [-1, 2],
      (x, ...args: [number, number]) => x.clamp(...args),
    ),
    'Expression#where': method(
      () => [weight(3, 1, 1), 2],
      (x, ...args: [nn.Parameter, number]) => x.where(...args),
    ),
    'Expression#mean': method(
      () => [[2, 3], { keepdim: true }],
      (x, ...args: [number[]]) => x.mean(...args),
    ),
    'Expression#var': method(
      () => [[2, 3], { keepdim: true, unbiased: false }],
      (x, ...args: [number[]]) => x.var(...args),
    ),
    'Expression#view': method(
      () => [3, -1],
      (x, ...args: number[]) => x.view(...args),
    ),
    'Expression#view of a list': method(
      () => [[3, 64]],
      (x, ...args: [number[]]) => x.view(...args),
    ),
    'Expression#permute': method(
      () => [0, 2, 3, 1],
      (x, ...args: number[]) => x.permute(...args),
    ),
    'Expression#permute of a list': method(
      () => [[0, 2, 3, 1]],
      (x, ...args: [number[]]) => x.permute(...args),
    ),
    'Expression#slice': method(
      () => [2, 1, -1, 2],
      (x, ...args: [number, number, number, number]) => x.slice(...args),
    ),
    'Expression#matmul': method(
      () => [weight(8, 2)],
      (x, ...args: [nn.Parameter]) => x.matmul(...args),
    ),
  };
}

/** Not for users to call, or no more than a name for `instanceof`; a Module is made by its subclasses. */
const LEFT_OUT = [
  ...Object.keys(root).filter((name) => name.endsWith('Error')),
  'Engine',
  'Tensor',
  'Module',
  'Value',
  'Value.bindingOf',
  'Value.rebind',
];

/** The names of functions, classes and methods, as in the record above, without those that are left out. */
export function publicNames(session: object): string[] {
  const Expression = Object.getPrototypeOf(nn.Parameter) as object;
  return [
    ...Object.entries({ ...root, ...nn, ...onnx, functional: F }).flatMap(([name, value]) =>
      offered(name, value),
    ),
    // Nothing else says what these have.
    'Module#forward',
    ...offered('Session', session.constructor).slice(1),
    ...offered('Expression', Expression).slice(1),
  ].filter((name) => !LEFT_OUT.includes(name));
}

function offered(name: string, value: unknown): string[] {
  if (typeof value !== 'function') {
    return Object.entries(value as object).flatMap(([key, inner]) => offered(`${name}.${key}`, inner));
  }
  if (Object.getOwnPropertyDescriptor(value, 'prototype')?.writable !== false || name.endsWith('Error'))
    return [name];
  const methods = (holder: object) =>
    Reflect.ownKeys(holder).filter(
      (key) =>
        key !== 'constructor' &&
        key !== Symbol.asyncDispose &&
        typeof Object.getOwnPropertyDescriptor(holder, key)?.value === 'function',
    );
  // A Tensor has the methods of values too, which only say that it is none.
  const own =
    name === 'Tensor' ? ['numel', 'reshape', 'item', 'at', 'toArray'] : methods(value.prototype as object);
  return [
    name,
    ...methods(value).map((key) => `${name}.${String(key)}`),
    ...own.map((key) => `${name}#${typeof key === 'symbol' ? key.description : key}`),
  ];
}
