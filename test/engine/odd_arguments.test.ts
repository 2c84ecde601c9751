// Every public function, class and method, with an odd value in every place: it succeeds, or throws an error of gouache's that is not
// 'internal', and the engine runs on. What a caller's own getter, trap or callback throws, the caller gets.
import fc from 'fast-check';
import { Engine, GouacheError, Tensor } from 'gouache';
import { afterAll, describe, expect, test } from 'vitest';
import { MINE, ODD } from './support/odd.js';
import { publicNames, publicSubjects, type Subject } from './support/public.js';

// Little memory, on the caller's thread: what asks for much is refused, what asks for little is done at once.
const engine = await Engine.create({ maxMemoryBytes: 16 * 2 ** 20, threads: 1, worker: false });
afterAll(() => engine.dispose());
const SUBJECTS = publicSubjects(engine);
const MOST_LETTERS = 1000;

async function expectRunning(): Promise<void> {
  const y = await engine.run((x) => x.add(1), Tensor.from([1], [1]));
  expect(y.data[0]).toBe(2);
}

test('everything public is called', async () => {
  const session = await engine.compile((x) => x.relu(), [2]);
  const names = publicNames(session);
  await session.dispose();
  const called = Object.keys(SUBJECTS);
  expect(names.filter((name) => !called.includes(name))).toEqual([]);
  expect(called.filter((name) => !name.includes(' ') && !names.includes(name))).toEqual([]);
});

type Place = readonly [argument: number, key?: string];

/** Each argument, and each entry of the lists and plain objects among them. */
function places(args: readonly unknown[]): Place[] {
  return args.flatMap((arg, index): Place[] => {
    const holds =
      arg !== null &&
      typeof arg === 'object' &&
      [Array.prototype, Object.prototype].includes(Object.getPrototypeOf(arg));
    return [[index], ...(holds ? Object.keys(arg).map((key): Place => [index, key]) : [])];
  });
}

function put(args: unknown[], [index, key]: Place, value: unknown): unknown[] {
  if (key === undefined) args[index] = value;
  else Reflect.set(args[index] as object, key, value);
  return args;
}

/** null, or what is wrong with how the call ended. */
async function complaint({ call }: Subject, args: unknown[]): Promise<string | null> {
  try {
    await call(...args);
  } catch (error) {
    if (error instanceof GouacheError) {
      if (error.code === 'internal' || error.code === 'engine-crashed')
        return `${error.code}: ${error.message}`;
      return error.message.length > MOST_LETTERS ? `${error.message.length} letters` : null;
    }
    // The caller's own: what its values throw, and the platform's word on its proxies and callbacks.
    if (error === MINE) return null;
    const own = /has been revoked|cannot be invoked without 'new'/;
    if (error instanceof TypeError && own.test(error.message)) return null;
    return error instanceof Error ? (error.stack ?? error.message).slice(0, 400) : `threw ${typeof error}`;
  }
  return null;
}

describe.each(Object.entries(SUBJECTS))('%s', (_, subject) => {
  test('with right arguments', async () => {
    const ended = (async () => subject.call(...subject.args()))();
    if (subject.refuses) await expect(ended).rejects.toBeInstanceOf(GouacheError);
    else await ended;
  });

  test('with one odd value, too few and too many', async () => {
    const tries = [
      ...places(subject.args()).flatMap((place) =>
        Object.entries(ODD).map(([name, make]) => [
          `${name} at ${place.join('.')}`,
          () => put(subject.args(), place, make()),
        ]),
      ),
      ...subject.args().map((_, count) => [`${count} arguments`, () => subject.args().slice(0, count)]),
      ['one more', () => [...subject.args(), Symbol('one more')]],
    ] as [string, () => unknown[]][];
    const found: string[] = [];
    for (const [name, args] of tries) {
      const wrong = await complaint(subject, args());
      if (wrong !== null) found.push(`${name}: ${wrong}`);
    }
    expect(found).toEqual([]);
    await expectRunning();
  });
});

test('with several odd values', async () => {
  const odd = fc.tuple(fc.nat(), fc.constantFrom(...Object.entries(ODD)));
  const changes = fc.array(odd, { minLength: 2, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...Object.keys(SUBJECTS)), changes, async (name, chosen) => {
      const subject = SUBJECTS[name] as Subject;
      const args = subject.args();
      const all = places(args);
      // Entries first: an argument that is replaced has none.
      const changed = chosen
        .flatMap(([at, [, make]]) =>
          all
            .slice(at % (all.length || 1))
            .slice(0, 1)
            .map((place) => [place, make()] as const),
        )
        .sort(([[, a]], [[, b]]) => Number(a === undefined) - Number(b === undefined));
      for (const [place, value] of changed) put(args, place, value);
      expect(await complaint(subject, args)).toBeNull();
    }),
    { numRuns: 1500 },
  );
  await expectRunning();
});
