// The command of the installed package, as its user runs it. What each option does is test/cli's business.
import fs from 'node:fs';
import path from 'node:path';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { link, npm, projectOfItsOwn } from './installed.js';

test('without sharp, the command says what to install', async () => {
  const project = await projectOfItsOwn('cli_without_sharp');
  const failure = await npm(['exec', '--offline', '--', 'gouache', 'paint'], project).then(
    () => 'none',
    (error) => String(error),
  );
  expect(failure).toContain('npm install sharp');
  expect(failure).not.toMatch(/\n\s+at /);
});

test('it paints the bundled photo with the bundled weights', async () => {
  const project = await projectOfItsOwn('cli');
  link(project, ['sharp']);
  const stdout = await npm(['exec', '--offline', '--', 'gouache', 'paint', '--size', '96'], project);
  expect(stdout).toMatch(/build (simd128|relaxed-simd)\b/);
  expect(stdout).toMatch(/\b96x\d+\b/);
  expect(stdout).toMatch(/\b\d+ ms\b/);
  const [output, ...others] = fs.readdirSync(project).filter((name) => name.endsWith('.png'));
  expect(others).toEqual([]);
  expect(stdout).toContain(output);
  const { width, height, format } = await sharp(path.join(project, output ?? '')).metadata();
  expect(format).toBe('png');
  expect(width).toBe(96);
  const statistics = await sharp(path.join(project, output ?? '')).stats();
  expect(height).toBeGreaterThan(32);
  // A painting, not a flat field.
  expect(Math.min(...statistics.channels.slice(0, 3).map(({ stdev }) => stdev))).toBeGreaterThan(10);
});

test('--version is that of package.json', async () => {
  const project = await projectOfItsOwn('cli_version');
  const manifest = path.join(project, 'node_modules/gouache/package.json');
  const { version } = JSON.parse(fs.readFileSync(manifest, 'utf8'));
  expect((await npm(['exec', '--offline', '--', 'gouache', '--version'], project)).trim()).toBe(version);
});
