// Which way the imports of ts/src point: as the chains of ARCHITECTURE.md say, those of types too, and in no circle of files at run time.
import fs from 'node:fs';
import path from 'node:path';
import { filesUnder } from './stamps.mjs';
import { root } from './steps.mjs';

const SOURCES = 'ts/src';
const CHAINS = 'ARCHITECTURE.md';

/** `import ... from '...'`, `export ... from '...'`, `import '...'`; and `import('...')`, of a module that is loaded late or of a type. */
const STATEMENT = /^(?:import|export)\s(\s*type\b)?(?:[^'";]*?\sfrom\s+)?'([^']+)'/gm;
const CALL = /\bimport\('([^']+)'\)/g;

/**
 * @typedef {object} Import
 * @property {string} from
 * @property {string} to
 * @property {boolean} first whether `to` runs before `from` does: neither a type's import, nor one made later
 */

/** The module's file without its ending, seen from ts/src; null for another package's. @param {string} file @param {string} module */
function targetOf(file, module) {
  if (module === '#platform') return 'platform/node';
  return module.startsWith('.')
    ? path.posix.join(path.posix.dirname(file), module).replace(/\.js$/, '')
    : null;
}

/** @returns {Import[]} */
function allImports() {
  return filesUnder([SOURCES])
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) => {
      const text = fs.readFileSync(path.join(root, file), 'utf8');
      const from = path.relative(SOURCES, file).replaceAll('\\', '/').replace(/\.ts$/, '');
      const found = [
        ...[...text.matchAll(STATEMENT)].map(([, type, module = '']) => ({ module, first: !type })),
        ...[...text.matchAll(CALL)].map(([, module = '']) => ({ module, first: false })),
      ];
      return found.flatMap(({ module, first }) => {
        const to = targetOf(from, module);
        return to === null ? [] : [{ from, to, first }];
      });
    });
}

/**
 * What each part (a folder, or a file without its ending) may import: the indented lines `a -> {b c} -> d, e`, where parts in braces may import each
 * other, and what a part may import its importers may too.
 * @param {string} text
 */
export function partsOf(text) {
  /** @type {Map<string, Set<string>>} */
  const parts = new Map();
  const add = (/** @type {string} */ part, /** @type {readonly string[]} */ others) => {
    const known = parts.get(part) ?? new Set([part]);
    parts.set(part, known);
    for (const other of others) known.add(other);
  };
  const section = /\n## Imports\n([\s\S]*?)\n## /.exec(text)?.[1] ?? '';
  for (const [line] of section.matchAll(/^ {4}.*->.*$/gm)) {
    const links = line.split('->').map((link) => link.match(/[\w/]+/g) ?? []);
    links.forEach((link, at) => {
      const together = line.split('->')[at]?.includes('{') ? link : [];
      for (const part of link) add(part, [...together, ...(links[at - 1] ?? [])]);
    });
  }
  for (let grown = true; grown; ) {
    grown = false;
    for (const known of parts.values()) {
      const before = known.size;
      for (const part of [...known]) for (const other of parts.get(part) ?? []) known.add(other);
      grown ||= known.size > before;
    }
  }
  return parts;
}

/** The part that a file belongs to: the longest whose name begins the file's. @param {string} file @param {Iterable<string>} parts */
function partOf(file, parts) {
  const fitting = [...parts].filter((part) => file === part || file.startsWith(`${part}/`));
  return fitting.sort((a, b) => b.length - a.length)[0];
}

/** Files that need each other before either can run. @param {readonly Import[]} imports @returns {string[][]} */
function circles(imports) {
  /** @type {Map<string, string[]>} */
  const next = new Map();
  for (const { from, to, first } of imports) if (first) next.set(from, [...(next.get(from) ?? []), to]);
  const done = new Set();
  /** @type {string[][]} */
  const found = [];
  const visit = (/** @type {string} */ file, /** @type {string[]} */ way) => {
    if (way.includes(file)) found.push([...way.slice(way.indexOf(file)), file]);
    else if (!done.has(file)) {
      for (const other of next.get(file) ?? []) visit(other, [...way, file]);
      done.add(file);
    }
  };
  for (const file of next.keys()) visit(file, []);
  return found;
}

/** @returns {string[]} what is wrong, a line each */
export function wrongImports() {
  const parts = partsOf(fs.readFileSync(path.join(root, CHAINS), 'utf8'));
  const imports = allImports();
  const homeless = [...new Set(imports.flatMap(({ from, to }) => [from, to]))].filter(
    (file) => partOf(file, parts.keys()) === undefined,
  );
  const wrong = imports.flatMap(({ from, to }) => {
    const [part, other] = [partOf(from, parts.keys()), partOf(to, parts.keys())];
    if (part === undefined || other === undefined || parts.get(part)?.has(other)) return [];
    return [
      `${SOURCES}/${from}.ts: imports ${to}, but ${part} may not import ${other} (${CHAINS}, "Imports")`,
    ];
  });
  return [
    ...homeless.map((file) => `${SOURCES}/${file}.ts: in no chain of ${CHAINS}, "Imports"`),
    ...wrong,
    ...circles(imports).map((files) => `${SOURCES}: imports in a circle: ${files.join(' -> ')}`),
  ];
}
