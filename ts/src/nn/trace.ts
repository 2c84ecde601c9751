/** Traces of modules and functions. */
import { isPlainObject } from '../brand.js';
import { hintFor } from '../copies.js';
import { ArgumentError } from '../errors.js';
import { type Names, type Traced, type TraceInput, trace } from '../graph/trace.js';
import type { Value } from '../graph/value.js';
import { shown } from '../spell.js';
import { kindOf, Module, type ModuleOutput } from './module.js';

export type Traceable = Module | ((...values: Value[]) => ModuleOutput);

function namesOf(root: Module | null): Names {
  if (root === null) return { paths: new Map(), keys: () => new Map() };
  return {
    paths: new Map(root.namedModules().map(([path, module]) => [module, path])),
    keys: () => new Map([...root.stateDict()].map(([key, parameter]) => [parameter, key])),
  };
}

/** @throws {@link ArgumentError} for what is neither a module nor a function of values */
function checkTarget(target: Traceable): void {
  const isClass =
    typeof target === 'function' &&
    (target.prototype instanceof Module ||
      /^class\b(?!\s*\()/.test(Function.prototype.toString.call(target)));
  if (!isClass && (target instanceof Module || typeof target === 'function')) return;
  const isModel = isPlainObject(target) && 'network' in target;
  throw new ArgumentError('nothing to run', {
    op: 'trace',
    got: isClass ? 'a class' : shown(target),
    wanted: 'a Module or a function of values',
    ...hintFor(
      target,
      isClass ? 'Did you forget `new`?' : isModel ? 'Of a model, pass its `network`.' : undefined,
    ),
  });
}

/**
 * Traces `target` for inputs of these shapes. Nodes are named by their module's path in `names`, by default the target itself.
 * @throws {@link ShapeError} when the inputs do not suit a layer, or are empty
 * @throws {@link ArgumentError} when the target returns no values, or there are more inputs than it takes
 */
export function traceModule(target: Traceable, inputs: readonly TraceInput[], names?: Module): Traced {
  checkTarget(target);
  const module = target instanceof Module ? target : null;
  const subject =
    target instanceof Module
      ? { body: (...values: Value[]) => target.forward(...values), declared: target.forward.length }
      : { body: target, declared: target.length };
  const op = module === null ? 'function' : kindOf(module);
  return trace({ ...subject, op, names: namesOf(names ?? module) }, inputs);
}
