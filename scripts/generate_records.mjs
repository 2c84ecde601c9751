// `node scripts/generate_records.mjs [--check]`: crates/kernels/src/record.rs -> ts/src/ops/records.gen.ts, or a comparison.
import fs from 'node:fs';
import path from 'node:path';
import { ensureRust } from './lib/rust.mjs';
import { main, root, run, StepError } from './lib/steps.mjs';

const GENERATED = 'ts/src/ops/records.gen.ts';

await main(async () => {
  const env = await ensureRust();
  const { code, output, stdout } = await run(
    'cargo',
    ['run', '--quiet', '-p', 'gouache-kernels', '--example', 'generate_records'],
    { env },
  );
  if (code !== 0) throw new StepError(`the generator failed\n${output}`);
  const file = path.join(root, GENERATED);
  const current = fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
  if (process.argv.includes('--check')) {
    if (current !== stdout) {
      throw new StepError(
        `${GENERATED} is not what the kernels declare; run: node scripts/generate_records.mjs`,
      );
    }
    console.log(`${GENERATED} is current`);
  } else if (current !== stdout) {
    fs.writeFileSync(file, stdout);
    console.log(`${GENERATED} written`);
  }
});
