/**
 * Two copies of gouache in one program: `instanceof` fails between them. Classes that users hand back are marked with the copy that they are
 * of, so that errors can say so.
 */

const MARK = Symbol.for('gouache.copy');
const THIS_COPY = {};

/** Marks a class's instances. */
export function markCopy(prototype: object): void {
  Object.defineProperty(prototype, MARK, { value: THIS_COPY });
}

/** The hint for what has been refused, where it is of another copy; otherwise `hint`, if there is one. */
export function hintFor(refused: unknown, hint?: string): { readonly hint?: string } {
  let mark: unknown;
  try {
    mark = (refused as { readonly [MARK]?: unknown } | null | undefined)?.[MARK];
  } catch {
    // A proxy's trap.
  }
  if (mark !== undefined && mark !== THIS_COPY)
    return { hint: 'It is of another copy of gouache: the program loads two. `npm ls gouache` shows them.' };
  return hint === undefined ? {} : { hint };
}
