/**
 * Which plans are loaded, which of them only the cache keeps, what those cost, and which goes first. Bookkeeping alone: the plan store asks the
 * host to do as it says. No call walks all plans: costs are running totals, and plans are found by their key and by their parameters.
 */
import type { WeightValues } from '../graph/compile.js';

/** Packed weights in the host, stored once for all plans that use the same form of the same version. */
export interface HostWeight {
  readonly key: string;
  readonly id: number;
  readonly bytes: number;
  /** Plans that use it, and how many of them are held. */
  plans: number;
  held: number;
}

/** A plan that the host has loaded. It refers to no graph, and to no parameter: a network that is gone leaves its stored bytes to the collector. */
export interface CachedPlan {
  readonly key: string;
  readonly id: number;
  /** Uids of its parameters. */
  readonly parameters: readonly number[];
  readonly weights: readonly HostWeight[];
  /** Of wasm memory, weights apart. */
  readonly wasmBytes: number;
  /** Of the façade's and the host's JavaScript heaps. */
  readonly heapBytes: number;
}

/** What the plans that only the cache keeps may take together. */
export interface CacheLimits {
  readonly wasmBytes: number;
  readonly heapBytes: number;
}

/** The plans of one parameter: all were made with the same version of it. */
interface Users {
  readonly version: number;
  readonly plans: Set<CachedPlan>;
}

/** What the cache pays for a weight: nothing while a held plan uses it. */
const costOf = ({ bytes, plans, held }: HostWeight): number => (plans > 0 && held === 0 ? bytes : 0);

/** Loaded plans by key. A plan is held while it is pinned, and from its use until another one's: what is held costs the cache nothing. */
export class PlanCache {
  readonly #plans = new Map<string, CachedPlan>();
  readonly #weights = new Map<string, HostWeight>();
  readonly #users = new Map<number, Users>();
  /** Pins by key: a pinned plan stays pinned when it is loaded again. */
  readonly #pins = new Map<string, number>();
  /** The plan that was used last. */
  #current: CachedPlan | null = null;
  /** Plans that are not held, least recently used first. */
  readonly #idle = new Set<CachedPlan>();
  /** Of idle plans, and of weights that only they use. */
  #wasmBytes = 0;
  #heapBytes = 0;

  find(key: string): CachedPlan | null {
    return this.#plans.get(key) ?? null;
  }

  weight(key: string): HostWeight | undefined {
    return this.#weights.get(key);
  }

  /** Adds a plan that was made with these values, held. Its weights are new ones or such as {@link weight} gives. */
  add(plan: CachedPlan, values: WeightValues): void {
    this.#plans.set(plan.key, plan);
    for (const weight of plan.weights) {
      this.#weights.set(weight.key, weight);
      this.#change(weight, 1, 1);
    }
    for (const [{ uid }, { version }] of values) {
      const users = this.#users.get(uid) ?? { version, plans: new Set() };
      this.#users.set(uid, users);
      users.plans.add(plan);
    }
    this.use(plan);
  }

  /** Makes `plan` the one in use, and the one before it idle unless it is pinned. */
  use(plan: CachedPlan | null): void {
    const last = this.#current;
    this.#current = plan;
    if (last !== null) this.#settle(last);
    if (plan !== null) this.#settle(plan);
  }

  pin(key: string): void {
    this.#pins.set(key, (this.#pins.get(key) ?? 0) + 1);
    const plan = this.#plans.get(key);
    if (plan !== undefined) this.#settle(plan);
  }

  /** Takes one pin off; with the last one the plan is idle. */
  unpin(key: string): void {
    const pins = (this.#pins.get(key) ?? 0) - 1;
    if (pins > 0) {
      this.#pins.set(key, pins);
      return;
    }
    this.#pins.delete(key);
    const plan = this.#plans.get(key);
    if (plan === undefined) return;
    if (plan === this.#current) this.#current = null;
    this.#settle(plan);
  }

  /** Whether any plan is pinned. */
  get pinned(): boolean {
    return this.#pins.size > 0;
  }

  /** Takes out the plan if it is idle. */
  takeIdle(key: string): CachedPlan[] {
    const plan = this.#plans.get(key);
    if (plan === undefined || !this.#idle.has(plan)) return [];
    this.#remove(plan);
    return [plan];
  }

  /** Takes out idle plans, least recently used first, until the others are within the limits. */
  takeExcess(limits: CacheLimits): CachedPlan[] {
    const taken: CachedPlan[] = [];
    for (const plan of this.#idle) {
      if (this.#wasmBytes <= limits.wasmBytes && this.#heapBytes <= limits.heapBytes) break;
      this.#remove(plan);
      taken.push(plan);
    }
    return taken;
  }

  /** Takes out every plan that was made with other versions of these parameters. */
  takeStale(values: WeightValues): CachedPlan[] {
    const taken: CachedPlan[] = [];
    for (const [{ uid }, { version }] of values) {
      const users = this.#users.get(uid);
      if (users === undefined || users.version === version) continue;
      for (const plan of users.plans) {
        this.#remove(plan);
        taken.push(plan);
      }
    }
    return taken;
  }

  #remove(plan: CachedPlan): void {
    this.#setIdle(plan, false);
    this.#plans.delete(plan.key);
    if (this.#current === plan) this.#current = null;
    for (const uid of plan.parameters) {
      const users = this.#users.get(uid);
      users?.plans.delete(plan);
      if (users?.plans.size === 0) this.#users.delete(uid);
    }
    for (const weight of plan.weights) {
      this.#change(weight, -1, -1);
      if (weight.plans === 0) this.#weights.delete(weight.key);
    }
  }

  #settle(plan: CachedPlan): void {
    this.#setIdle(plan, plan !== this.#current && !this.#pins.has(plan.key));
  }

  #setIdle(plan: CachedPlan, idle: boolean): void {
    if (this.#idle.has(plan) === idle) return;
    if (idle) this.#idle.add(plan);
    else this.#idle.delete(plan);
    const sign = idle ? 1 : -1;
    this.#wasmBytes += sign * plan.wasmBytes;
    this.#heapBytes += sign * plan.heapBytes;
    for (const weight of plan.weights) this.#change(weight, 0, -sign);
  }

  #change(weight: HostWeight, plans: number, held: number): void {
    this.#wasmBytes -= costOf(weight);
    weight.plans += plans;
    weight.held += held;
    this.#wasmBytes += costOf(weight);
  }
}
