// `gouache/onnx` in an installed package: it needs @bufbuild/protobuf, says so without it, and nothing else loads it.
import { expect, test } from 'vitest';
import { installedProject, link, projectOfItsOwn, runProgram } from './installed.js';

const EXPORT = `
net.loadStateDict({
  weight: Tensor.from(new Float32Array(2 * 3 * 9).fill(0.1), [2, 3, 3, 3]),
  bias: Tensor.from([1, 2], [2]),
});
console.log(exportOnnx(net, [1, 3, 8, 8]).length > 2 * 3 * 9 * 4);`;

const PROGRAMS = {
  'onnx.mjs': `
    import { Tensor } from 'gouache';
    import { Conv2d } from 'gouache/nn';
    import { exportOnnx } from 'gouache/onnx';
    const net = new Conv2d(3, 2, 3);${EXPORT}`,
  'onnx.cjs': `
    const { Tensor } = require('gouache');
    const { Conv2d } = require('gouache/nn');
    const { exportOnnx } = require('gouache/onnx');
    const net = new Conv2d(3, 2, 3);${EXPORT}`,
};

test.each(Object.entries(PROGRAMS))(
  '%s writes a model where the user has installed it',
  async (name, source) => {
    const project = await projectOfItsOwn(`project-${name}`);
    link(project, ['@bufbuild']);
    const { code, stdout, stderr } = await runProgram(project, name, source, { flags: ['--no-warnings'] });
    expect(stderr).toBe('');
    expect(stdout).toBe('true\n');
    expect(code).toBe(0);
  },
);

test('without it the error names the package, and the other entries work', async () => {
  const project = await installedProject();
  const source = `
    await import('gouache');
    await import('gouache/nn');
    await import('gouache/onnx').catch((error) => console.log(error.code, error.message));`;
  const { stdout, stderr } = await runProgram(project, 'without.mjs', source);
  expect(stderr).toBe('');
  expect(stdout).toContain('ERR_MODULE_NOT_FOUND');
  expect(stdout).toContain('@bufbuild/protobuf');
});
