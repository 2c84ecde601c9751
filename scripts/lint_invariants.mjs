// Enforces by reading what no compiler checks: where unsafe, Node, the DOM and the console may appear, which way imports point, and files' lengths.
import fs from 'node:fs';
import path from 'node:path';
import { wrongImports } from './lib/imports.mjs';
import { filesUnder } from './lib/stamps.mjs';
import { main, root } from './lib/steps.mjs';

const MAX_LINES = 400;
const LONG_FILE_REASON = 'over 400 lines because';

/**
 * Source without comments and string contents: what is left is code. Template literals keep their text, which may hold code.
 * @param {string} text
 */
function codeOf(text) {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ' '))
    .replace(/(^|[^:'"`\\])\/\/.*$/gm, '$1')
    .replace(/'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"/g, "''");
}

/** Names of the classes that ts/src declares. */
function ownClasses() {
  return filesUnder(['ts/src'])
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) => [...codeOf(fs.readFileSync(path.join(root, file), 'utf8')).matchAll(/\bclass (\w+)/g)])
    .map(([, name]) => name);
}

/**
 * @typedef {object} Rule
 * @property {string} what
 * @property {readonly string[]} places
 * @property {RegExp} ends which files
 * @property {RegExp} forbidden
 * @property {readonly string[]} except files and folders where it is allowed
 * @property {boolean} [withStrings] searches the raw text, where module names stand
 */

/** @type {readonly Rule[]} */
const RULES = [
  {
    what: 'unsafe outside simd/, mem.rs, micro/, the wasm edge and the host that tests play',
    places: ['crates'],
    ends: /\.rs$/,
    forbidden: /\bunsafe\b(?!_)/,
    except: [
      'crates/kernels/src/simd.rs',
      'crates/kernels/src/simd/',
      'crates/kernels/src/mem.rs',
      'crates/kernels/src/mem/',
      'crates/kernels/src/micro.rs',
      'crates/kernels/src/micro/',
      'crates/kernels/src/testing.rs',
      'crates/wasm/',
    ],
  },
  {
    what: 'an instruction set outside simd/, mem.rs and sync.rs',
    places: ['crates/kernels/src'],
    ends: /\.rs$/,
    forbidden: /core::arch|target_arch|target_feature/,
    except: [
      // The crate's attributes stand there.
      'crates/kernels/src/lib.rs',
      'crates/kernels/src/simd.rs',
      'crates/kernels/src/simd/',
      'crates/kernels/src/mem.rs',
      'crates/kernels/src/sync.rs',
    ],
    withStrings: true,
  },
  {
    what: 'a node: module outside platform/, cli/ and bench/',
    places: ['ts/src'],
    ends: /\.ts$/,
    forbidden: /['"`]node:/,
    except: ['ts/src/platform/', 'ts/src/cli/', 'ts/src/bench/'],
    withStrings: true,
  },
  {
    what: 'a global of Node or the DOM outside platform/, cli/ and bench/',
    places: ['ts/src'],
    ends: /\.ts$/,
    forbidden:
      /(?<![.\w#])(?:process|document|window|navigator|self|require|__dirname)\s*[.([]|(?<![.\w])(?:new Worker\b|Buffer\.(?:from|alloc|concat)\b)/,
    except: ['ts/src/platform/', 'ts/src/cli/', 'ts/src/bench/'],
  },
  {
    what: 'the console in library code',
    places: ['ts/src'],
    ends: /\.ts$/,
    forbidden: /(?<![.\w])console\b/,
    except: ['ts/src/cli/', 'ts/src/bench/'],
  },
  {
    what: "instanceof on another class than ours: values of another realm fail it; brand.ts tells the platform's",
    places: ['ts/src'],
    ends: /\.ts$/,
    forbidden: new RegExp(`\\binstanceof\\b(?!\\s+(?:${ownClasses().join('|')})\\b)`),
    except: ['ts/src/cli/', 'ts/src/bench/'],
  },
  {
    what: "top-level await (it can't be required)",
    places: ['ts/src'],
    ends: /\.ts$/,
    forbidden: /^(?:await\b|(?:export )?(?:const|let) [^;]*= await\b)/,
    except: ['ts/src/cli/', 'ts/src/bench/'],
  },
];

/** @param {Rule} rule @returns {string[]} */
function breaches(rule) {
  return filesUnder(rule.places)
    .filter((file) => rule.ends.test(file) && !rule.except.some((place) => file.startsWith(place)))
    .flatMap((file) => {
      const raw = fs.readFileSync(path.join(root, file), 'utf8');
      const beforeTests = file.endsWith('.rs') ? (raw.split(/^#\[cfg\(test\)\]\nmod /m)[0] ?? raw) : raw;
      const code = rule.withStrings ? beforeTests.replace(/^\s*(?:\/\/|\*).*$/gm, '') : codeOf(beforeTests);
      return code
        .split('\n')
        .flatMap((line, index) => (rule.forbidden.test(line) ? [`${file}:${index + 1}: ${rule.what}`] : []));
    });
}

function kernelsAlone() {
  const manifest = fs.readFileSync(path.join(root, 'crates/kernels/Cargo.toml'), 'utf8');
  const top = fs.readFileSync(path.join(root, 'crates/kernels/src/lib.rs'), 'utf8');
  const found = [];
  if (/^\[(?:.*\.)?(?:dev-|build-)?dependencies/m.test(manifest)) {
    found.push('crates/kernels/Cargo.toml: the kernels depend on nothing');
  }
  if (!/^#!\[no_std\]$/m.test(top)) found.push('crates/kernels/src/lib.rs: the kernels are no_std');
  for (const file of filesUnder(['crates/kernels/src'])) {
    const text = fs.readFileSync(path.join(root, file), 'utf8');
    if (/(?<!#\[cfg\(test\)\]\n)^\s*extern crate (?:std|alloc)\b/m.test(text)) {
      found.push(`${file}: std and alloc are for tests alone`);
    }
  }
  return found;
}

function longFiles() {
  return filesUnder(['crates', 'ts/src', 'scripts', 'test', 'examples'])
    .filter(
      (file) =>
        /\.(?:rs|ts|mjs|js)$/.test(file) && !file.endsWith('.gen.ts') && !file.includes('node_modules'),
    )
    .flatMap((file) => {
      const lines = fs.readFileSync(path.join(root, file), 'utf8').split('\n');
      const firstComment = lines.slice(0, 10).join('\n');
      return lines.length - 1 > MAX_LINES && !firstComment.includes(LONG_FILE_REASON)
        ? [
            `${file}: ${lines.length - 1} lines; split it, or say in its first comment why it is ${LONG_FILE_REASON} ...`,
          ]
        : [];
    });
}

await main(async () => {
  const found = [...RULES.flatMap(breaches), ...kernelsAlone(), ...wrongImports(), ...longFiles()];
  for (const line of found) console.error(line);
  console.log(`invariants: ${found.length} breaches`);
  return found.length > 0 ? 1 : 0;
});
