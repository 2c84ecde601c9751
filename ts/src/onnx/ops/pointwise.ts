/** What steps of pointwise programs are in ONNX: a line each. unary, binary and where are such steps of values and numbers. */
import type { ElementStep } from '../../ops/kernels.js';
import { float, type GraphBuilder, type OnnxName } from '../builder.js';
import { ELEMENT } from '../codes.js';
import { inputOf, namesOf, type ToOnnx } from './to_onnx.js';

type Argument = OnnxName | number;

/** Appends nodes of a step of x, with arguments that are values or numbers. */
interface Writer {
  node(
    opType: string,
    inputs: readonly Argument[],
    attributes?: Parameters<GraphBuilder['node']>[3],
  ): OnnxName;
}

type Form = (to: Writer, x: OnnxName, a: Argument, b: Argument) => OnnxName;

/** An operator of x alone. */
const of =
  (opType: string): Form =>
  (to, x) =>
    to.node(opType, [x]);

/** An operator of x and a. */
const of2 =
  (opType: string): Form =>
  (to, x, a) =>
    to.node(opType, [x, a]);

/** An operator of a and x. */
const turned =
  (opType: string): Form =>
  (to, x, a) =>
    to.node(opType, [a, x]);

const FORMS: Readonly<Record<ElementStep, Form>> = {
  abs: of('Abs'),
  exp: of('Exp'),
  log: of('Log'),
  relu: of('Relu'),
  sigmoid: of('Sigmoid'),
  sqrt: of('Sqrt'),
  tanh: of('Tanh'),
  silu: (to, x) => to.node('Mul', [x, to.node('Sigmoid', [x])]),
  mish: (to, x) => to.node('Mul', [x, to.node('Tanh', [to.node('Softplus', [x])])]),
  leaky_relu: (to, x, a) =>
    typeof a === 'number' ? to.node('LeakyRelu', [x], { alpha: float(a) }) : to.node('PRelu', [x, a]),
  // What a Clip makes of a bound that is NaN, nobody says.
  clamp: (to, x, a, b) =>
    [a, b].some(Number.isNaN) ? to.node('Min', [to.node('Max', [x, a]), b]) : to.node('Clip', [x, a, b]),
  add: of2('Add'),
  sub: of2('Sub'),
  mul: of2('Mul'),
  div: of2('Div'),
  pow: of2('Pow'),
  min: of2('Min'),
  max: of2('Max'),
  rsub: turned('Sub'),
  rdiv: turned('Div'),
  // ONNX's condition is a boolean.
  select: (to, x, a, b) => to.node('Where', [to.node('Cast', [x], { to: ELEMENT.BOOL }), a, b]),
};

function write(builder: GraphBuilder, at: string, step: ElementStep, x: OnnxName, args: readonly Argument[]) {
  const named = (one: Argument): OnnxName => (typeof one === 'number' ? builder.scalar(one) : one);
  const to: Writer = {
    node: (opType, inputs, attributes) => builder.node(opType, at, inputs.map(named), attributes),
  };
  const [a = 0, b = 0] = args;
  return FORMS[step](to, x, a, b);
}

export const unary: ToOnnx<'unary'> = (to, node) =>
  write(to.builder, node.name, node.attributes.kind, to.name(inputOf(node)), node.attributes.numbers);

export const binary: ToOnnx<'binary'> = (to, node) => {
  const [x = '', ...others] = namesOf(to, node);
  return write(to.builder, node.name, node.attributes.kind, x, others);
};

export const where: ToOnnx<'where'> = (to, node) => {
  const either = node.attributes.numbers.map((number, index) => {
    const id = node.inputs[index + 1];
    return id == null ? number : to.name(id);
  });
  return write(to.builder, node.name, 'select', to.name(inputOf(node)), either);
};
