// `npm run demo`: which axes the four normalisations average over, what that does to a bright and a dark picture, what it means for a
// painting, and how the numbers stay exact. Everything printed is measured here and now; the exit code is 1 when a claim does not hold.
import { Engine } from 'gouache';
import { printAxes } from './demo/axes.mjs';
import { printNumerics } from './demo/numerics.mjs';
import { paintBoth } from './demo/painting.mjs';
import { readPhoto } from './demo/photo.mjs';
import { printStatistics } from './demo/statistics.mjs';

const engine = await Engine.create();
try {
  const photo = await readPhoto();
  const claims = [
    await printAxes(engine),
    await printStatistics(engine, photo),
    await paintBoth(engine, photo, 'instance-norm-demo.png'),
    await printNumerics(engine),
  ];
  if (claims.includes(false)) {
    console.error('A claim above does not hold.');
    process.exitCode = 1;
  }
} finally {
  await engine.dispose();
}
