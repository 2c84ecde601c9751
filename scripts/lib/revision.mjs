// A commit as a built folder of its own, .tools/bench/<hash>, for comparisons. The checkout and git's index stay as they are.
import fs from 'node:fs';
import path from 'node:path';
import { npmCommand } from './node_packages.mjs';
import { ask, root, StepError, step, toolsFolder } from './steps.mjs';

/** What set-up makes in the repository and a commit of the same sources shares: a link to it, and the files that must be the same. */
const SHARED = [
  { product: 'node_modules', sources: ['package-lock.json'] },
  { product: '.tools/cargo', sources: ['crates/wasm/Cargo.toml', 'scripts/lib/rust_tools.mjs'] },
  { product: '.tools/rust', sources: ['scripts/lib/rust.mjs', 'Cargo.toml'] },
];

/** @param {string} folder */
function share(folder) {
  for (const { product, sources } of SHARED) {
    const [ours, link] = [path.join(root, product), path.join(folder, product)];
    const same = sources.every((file) => {
      const theirs = path.join(folder, file);
      return fs.existsSync(theirs) && fs.readFileSync(theirs).equals(fs.readFileSync(path.join(root, file)));
    });
    if (fs.lstatSync(link, { throwIfNoEntry: false })?.isSymbolicLink()) fs.unlinkSync(link);
    if (same && fs.existsSync(ours) && !fs.existsSync(link)) {
      fs.mkdirSync(path.dirname(link), { recursive: true });
      fs.symlinkSync(ours, link);
    }
  }
  // A lock file newer than node_modules/ would be installed, through the link too; that of a commit never changes.
  fs.utimesSync(path.join(folder, 'package-lock.json'), 0, 0);
}

/** @param {string} commit @param {string} folder */
async function checkOut(commit, folder) {
  fs.mkdirSync(folder, { recursive: true });
  const index = `${folder}.index`;
  const env = { ...process.env, GIT_INDEX_FILE: index };
  for (const args of [
    ['read-tree', commit],
    ['checkout-index', '--all', '--force', `--prefix=${folder}${path.sep}`],
  ]) {
    if ((await ask('git', args, { env })) === null) throw new StepError(`git ${args[0]} failed: ${commit}`);
  }
  fs.rmSync(index);
}

/**
 * Checks a commit out and builds what is missing of it.
 * @param {string} revision as git knows it
 * @returns {Promise<{ commit: string, folder: string } | string>} why there is none, in words
 */
export async function builtRevision(revision) {
  const found = ['rev-parse', '--verify', '--quiet', '--end-of-options', `${revision}^{commit}`];
  const commit = await ask('git', found);
  if (commit === null) return `'${revision}' is neither a commit nor a folder where 'npm run build' has run`;
  const folder = path.join(toolsFolder, 'bench', commit);
  const [command, first] = npmCommand();
  try {
    await checkOut(commit, folder);
    share(folder);
    await step(`Building ${commit.slice(0, 7)}`, command, [...first, 'run', 'build'], { cwd: folder });
  } catch (error) {
    if (!(error instanceof StepError)) throw error;
    return error.message;
  }
  // Hundreds of megabytes that nobody reads again.
  fs.rmSync(path.join(folder, 'target'), { recursive: true, force: true });
  return { commit, folder };
}
