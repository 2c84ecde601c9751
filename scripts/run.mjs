// `node scripts/run.mjs [--builds a,b] <program> <arguments>`: builds what is missing, then runs a program of the repository.
import { buildsOfThisNode } from './lib/builds.mjs';
import { ensureBuilt } from './lib/ensure.mjs';
import { handOver } from './lib/hand_over.mjs';
import { main, StepError } from './lib/steps.mjs';

await main(async () => {
  const args = process.argv.slice(2);
  const builds = args[0] === '--builds' ? (args.splice(0, 2)[1] ?? '').split(',') : buildsOfThisNode();
  const program = args.shift();
  if (program === undefined)
    throw new StepError('usage: node scripts/run.mjs [--builds a,b] <program> <arguments>');
  await ensureBuilt(builds);
  return handOver(program, args);
});
