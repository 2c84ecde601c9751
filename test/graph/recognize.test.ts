/** Normalisations written in arithmetic: which are recognized, which are not, and that nothing else changes. */
import * as nn from 'gouache/nn';
import { describe, expect, test } from 'vitest';
import { Cell } from '../../dist/graph/cell.js';
import type { Graph } from '../../dist/graph/graph.js';
import type { Operators } from '../../dist/graph/operators/index.js';
import { recorder } from '../../dist/graph/recorder.js';
import { simplify } from '../../dist/graph/simplify.js';
import type { Value } from '../../dist/graph/value.js';
import { traceModule } from '../../dist/nn/trace.js';

const PLANES = [2, 3];
const KEEP = { keepdim: true };
const BIASED = { keepdim: true, unbiased: false };
const EPS = 1e-5;

const mean = (x: Value): Value => x.mean(PLANES, KEEP);
const centred = (x: Value): Value => x.sub(mean(x));
const variance = (x: Value): Value => x.var(PLANES, BIASED);
const meanSquare = (x: Value): Value => mean(centred(x).mul(centred(x)));
const deviation = (of: Value, eps = EPS): Value => of.add(eps).sqrt();
const normalized = (x: Value): Value => centred(x).div(deviation(variance(x)));

const vector = (...shape: number[]): nn.Parameter => new nn.Parameter(shape);

function simplified(body: (x: Value) => Value): Graph<Operators> {
  return simplify(traceModule(body, [{ shape: [2, 3, 5, 7] }]).graph);
}

const ops = (body: (x: Value) => Value): string[] => simplified(body).nodes.map(({ op }) => op);

describe('recognized', () => {
  test.each<[string, (x: Value) => Value]>([
    ['by the variance', normalized],
    [
      'by the square of one difference',
      (x) => {
        const d = centred(x);
        return d.div(deviation(mean(d.mul(d))));
      },
    ],
    ['with axes in another order', (x) => centred(x).div(deviation(x.var([3, -2], BIASED)))],
  ])('%s', (_, body) => {
    expect(ops(body)).toEqual(['instance_norm']);
  });

  test('with weight and bias a channel, and the eps that was written', () => {
    const { nodes } = simplified((x) =>
      centred(x)
        .div(deviation(variance(x), 0.25))
        .mul(vector(1, 3, 1, 1))
        .add(vector(3, 1, 1)),
    );
    expect(nodes.map(({ op }) => op)).toEqual(['view', 'view', 'instance_norm']);
    expect(nodes.at(-1)?.attributes).toEqual({ eps: 0.25 });
    expect(nodes.at(-1)?.inputs).not.toContain(null);
  });
});

describe('left as it is', () => {
  test.each<[string, (x: Value) => Value]>([
    ['a variance over count - 1', (x) => centred(x).div(deviation(x.var(PLANES, KEEP)))],
    ['statistics over channels', (x) => x.sub(x.mean([1], KEEP)).div(deviation(x.var([1], BIASED)))],
    ['the deviation of another value', (x) => centred(x).div(deviation(variance(x.relu())))],
    ['the mean of another value', (x) => x.sub(mean(x.relu())).div(deviation(variance(x)))],
    ['differences squared that are computed twice', (x) => centred(x).div(deviation(meanSquare(x)))],
    ['a negative eps', (x) => centred(x).div(deviation(variance(x), -0.5))],
    ['a mean divided by', (x) => deviation(variance(x)).div(centred(x))],
  ])('%s', (_, body) => {
    expect(ops(body)).not.toContain('instance_norm');
  });

  test('a weight behind a bias, a weight a pixel, a weight that depends on the input', () => {
    expect(
      ops((x) =>
        normalized(x)
          .add(vector(3, 1, 1))
          .mul(vector(3, 1, 1)),
      ),
    ).toEqual(['view', 'instance_norm', 'binary']);
    expect(ops((x) => normalized(x).mul(vector(5, 7)))).toEqual(['instance_norm', 'binary']);
    expect(ops((x) => normalized(x).mul(mean(x)))).toEqual(['instance_norm', 'reduce', 'binary']);
  });

  test.each([
    ['rows, which are scaled by sample', [1, 3, 7], [3, 1, 1]],
    ['volumes, which are scaled by depth', [2, 3, 3, 5, 7], [3, 1, 1]],
  ])('an instance norm of %s', (_, shape, weight) => {
    const body = (x: Value): Value => nn.functional.instanceNorm(x).mul(vector(...weight));
    const { graph } = traceModule(body, [{ shape }]);
    expect(simplify(graph)).toEqual(graph);
  });

  test('a norm that a cell keeps, too', () => {
    const body = (x: Value): Value => {
      const y = normalized(x);
      recorder('test').write(new Cell([2, 3, 5, 7], new Float32Array(210)), y);
      return y.mul(vector(3, 1, 1));
    };
    const { nodes } = simplified(body);
    expect(nodes.map(({ op }) => op)).toEqual(['instance_norm', 'binary']);
  });

  test('what is normalized and read twice keeps its own norm', () => {
    const found = ops((x) => {
      const y = normalized(x);
      return y.mul(vector(3, 1, 1)).add(y);
    });
    expect(found).toEqual(['instance_norm', 'binary', 'binary']);
  });
});
