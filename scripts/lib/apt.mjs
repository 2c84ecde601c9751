// Installs Debian packages where that is possible without asking: as root, or with sudo that needs no password.
import { ask, run, StepError, step } from './steps.mjs';

let listsAreFresh = false;

/** The words in front of apt-get: none as root, sudo where it needs no password; null where neither holds. */
async function privilege() {
  if ((await ask('apt-get', ['--version'])) === null) return null;
  if (process.getuid?.() === 0) return [];
  return (await run('sudo', ['-n', 'true'])).code === 0 ? ['sudo', '-n'] : null;
}

/** @param {string} name */
async function isInstalled(name) {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own placeholder
  const status = await ask('dpkg-query', ['-W', '-f', '${Status}', name]);
  return status === 'install ok installed';
}

/** @param {string} name */
async function hasCandidate(name) {
  const policy = await ask('apt-cache', ['policy', name]);
  return policy !== null && /Candidate: (?!\(none\))\S/.test(policy);
}

/**
 * Makes sure that Debian packages are installed; one line says what will be.
 * @param {readonly string[]} names
 * @returns {Promise<'installed' | 'no apt' | 'no candidate' | 'no privilege'>}
 */
export async function ensurePackages(names) {
  if ((await ask('apt-get', ['--version'])) === null) return 'no apt';
  /** @type {string[]} */
  const missing = [];
  for (const name of names) if (!(await isInstalled(name))) missing.push(name);
  if (missing.length === 0) return 'installed';
  const first = /** @type {string} */ (missing[0]);
  const prefix = await privilege();
  if (prefix === null) return (await hasCandidate(first)) ? 'no privilege' : 'no candidate';
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  /** @param {readonly string[]} args @returns {[string, string[]]} */
  const apt = (args) => {
    const [command, ...rest] = [...prefix, 'apt-get', ...args];
    return [/** @type {string} */ (command), rest];
  };
  if (!listsAreFresh) {
    try {
      await step('apt-get update', ...apt(['update', '-q']), { env });
      listsAreFresh = true;
    } catch (error) {
      // Without a network the lists that are there may still serve.
      if (!(error instanceof StepError)) throw error;
      console.log('  apt-get update failed; going on with the lists that are there');
    }
  }
  if (!(await hasCandidate(first))) return 'no candidate';
  await step(
    `Debian packages will be installed: ${missing.join(' ')}`,
    ...apt(['install', '-y', '-q', '--no-install-recommends', ...missing]),
    { env },
  );
  return 'installed';
}
