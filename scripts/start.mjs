// `npm start -- <arguments>`: sets up and builds what is missing, then runs `gouache paint <arguments>`.
import { buildsOfThisNode } from './lib/builds.mjs';
import { ensureBuilt } from './lib/ensure.mjs';
import { handOver } from './lib/hand_over.mjs';
import { main } from './lib/steps.mjs';

await main(async () => {
  await ensureBuilt(buildsOfThisNode());
  return handOver('dist/bundle/cli/main.js', ['paint', ...process.argv.slice(2)]);
});
