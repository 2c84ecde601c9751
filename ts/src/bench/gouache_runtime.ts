/** gouache as an engine of the benchmark. It knows neither Node nor the DOM, and imports gouache late: that is measured too. */
import type { Load } from './runtime.js';

/** Files by their path or address. */
export type Read = (place: string) => Promise<Uint8Array>;

/** What users import, in as few files. */
const bundled = <T>(entry: string): Promise<T> =>
  import(new URL(`../bundle/${entry}.js`, import.meta.url).href);

/** gouache, from the built package beside this file; the same in Node and in a page. */
export const gouacheLoader =
  (read: Read, version: string): Load =>
  async ({ build, precision, threads, network: name, shape, model, input }) => {
    const { Engine, readSafetensors, Tensor } = await bundled<typeof import('../index.js')>('index');
    const { networks } = await bundled<typeof import('../networks/index.js')>('networks/index');
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
        const entry = networks.get(name);
        if (entry === undefined) throw new Error(`no network ${name}`);
        const defaults = Object.entries(entry.arguments).map(
          ([key, bounds]) => [key, bounds.default] as const,
        );
        const { network } = entry.create(Object.fromEntries(defaults));
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
