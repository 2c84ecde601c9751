// `node scripts/build_ts.mjs`: the JavaScript alone.
import { main } from './lib/steps.mjs';
import { ensureTs } from './lib/ts.mjs';

await main(ensureTs);
