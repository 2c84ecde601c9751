/** gouache as an engine of the benchmark. It knows neither Node nor the DOM, and imports gouache late: that is measured too. */
import type { Module } from '../nn/index.js';
import type { Load } from './runtime.js';

/** Files by their path or address. */
export type Read = (place: string) => Promise<Uint8Array>;

/**
 * gouache from a built package, whose `dist/` is given; the same in Node and in a page. It asks for nothing but what users import: the package may
 * be that of another commit.
 */
export const gouacheLoader =
  (read: Read, version: string, dist: URL): Load =>
  async ({ build, precision, threads, network: name, shape, model, input }) => {
    const gouache: typeof import('../index.js') = await import(new URL('bundle/index.js', dist).href);
    const { Engine, readSafetensors, Tensor, StyleTransferNetwork, CycleGANGenerator } = gouache;
    const networks: Readonly<Record<string, new () => Module>> = { StyleTransferNetwork, CycleGANGenerator };
    let engine: Awaited<ReturnType<typeof Engine.create>> | null = null;
    const started = (): Awaited<ReturnType<typeof Engine.create>> => {
      if (engine === null) throw new Error('the engine has not been started');
      return engine;
    };
    return {
      version,
      settings: `${build}, precision ${precision}`,
      threads() {
        const { threads: taken, threadsReason } = started().info();
        return { threads: taken, reason: threadsReason };
      },
      async start() {
        engine = await Engine.create({ build, threads });
        const taken = engine.info().build;
        if (taken !== build) throw new Error(`the engine runs ${taken}, not ${build}`);
      },
      async prepare() {
        const Network = networks[name];
        if (Network === undefined) throw new Error(`no network ${name}`);
        const network = new Network();
        network.loadStateDict(readSafetensors(await read(model)).tensors);
        const session = await started().compile(network, shape, { precision });
        const tensor = Tensor.from(input, shape);
        return {
          run: () => session.run(tensor),
          values(output) {
            if (output instanceof Tensor) return output.data;
            throw new Error('these networks have one output');
          },
          profile: () => session.profile().rows,
        };
      },
    };
  };
