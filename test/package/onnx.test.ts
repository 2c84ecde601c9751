// `gouache/onnx` in an installed package: it carries what it encodes with, so that it works in a project that has nothing else.
import fs from 'node:fs';
import path from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { ModelProtoSchema } from '../../dist/onnx/schema.gen.js';
import { installedProject, runProgram } from './installed.js';

const EXPORT = `
net.loadStateDict({
  weight: Tensor.from(new Float32Array(2 * 3 * 9).fill(0.1), [2, 3, 3, 3]),
  bias: Tensor.from([1, 2], [2]),
});`;

const PROGRAMS = {
  'onnx.mjs': `
    import fs from 'node:fs';
    import { Tensor } from 'gouache';
    import { Conv2d } from 'gouache/nn';
    import { exportOnnx } from 'gouache/onnx';
    const net = new Conv2d(3, 2, 3);${EXPORT}
    fs.writeFileSync('onnx.mjs.onnx', exportOnnx(net, [1, 3, 8, 8]));`,
  'onnx.cjs': `
    const fs = require('node:fs');
    const { Tensor } = require('gouache');
    const { Conv2d } = require('gouache/nn');
    const { exportOnnx } = require('gouache/onnx');
    const net = new Conv2d(3, 2, 3);${EXPORT}
    fs.writeFileSync('onnx.cjs.onnx', exportOnnx(net, [1, 3, 8, 8]));`,
};

test.each(Object.entries(PROGRAMS))('%s writes a model', async (name, source) => {
  const project = await installedProject();
  const { code, stderr } = await runProgram(project, name, source, { flags: ['--no-warnings'] });
  expect(stderr).toBe('');
  expect(code).toBe(0);
  const { graph } = fromBinary(ModelProtoSchema, fs.readFileSync(path.join(project, `${name}.onnx`)));
  expect(graph?.node.map(({ opType }) => opType)).toEqual(['Conv']);
  expect(graph?.initializer.map(({ name, rawData }) => [name, rawData.length])).toEqual([
    ['weight', 2 * 3 * 9 * 4],
    ['bias', 8],
  ]);
});
