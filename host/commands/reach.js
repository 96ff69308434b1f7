// `mesh-policy reach`
import { printable } from '../render.js';
import { oneOf } from './input.js';
import { analysed, mesh } from './mesh.js';

/** @typedef {{ any?: string[], except?: string[], examples?: string[] }} Texts */
/** @typedef {{ service?: string, pod?: string }} To */
/**
 * @typedef {object} Row
 * @property {To} to
 * @property {To[]} [alsoTo]
 * @property {string} via
 * @property {boolean} depends
 * @property {{ inside?: Texts, outside: boolean }} [clients]
 * @property {string} who
 * @property {string} what
 * @property {string[]} policies
 */
/** @typedef {{ rows: Row[], notSolved: { to: To, why: string }[] }} Reach */

/** @param {import('commander').Command} program */
export function reach(program) {
  mesh(program.command('reach').description('say who may reach whom, on which ports, methods and paths, by which policy'))
    .option('-o, --output <format>', 'table, json, dot or mermaid', oneOf('table', 'json', 'dot', 'mermaid'), 'table')
    .action(run);
}

/**
 * @param {string[]} files
 * @param {import('./mesh.js').MeshOptions & { output: 'table' | 'json' | 'dot' | 'mermaid' }} options
 */
async function run(files, options) {
  const analysis = await analysed(files, options);
  if (!analysis) return;
  const text = analysis.reach();
  analysis.free();
  if (options.output === 'json') {
    process.stdout.write(`${text}\n`);
    return;
  }
  /** @type {Reach} */
  const found = JSON.parse(text);
  for (const { to, why } of found.notSolved) {
    process.stderr.write(`note: ${printable(name(to))} is left out: ${printable(why)}\n`);
  }
  process.stdout.write({ table, dot, mermaid }[options.output](found.rows));
}

/** @param {To} to */
const name = ({ service, pod }) => (service === undefined ? `pod ${pod}` : `service ${service}`);

/** @param {Row} row */
function target({ to, alsoTo = [] }) {
  const more = alsoTo.length > 2 ? [`${alsoTo.length} more`] : alsoTo.map((one) => one.service ?? one.pod ?? '');
  return [name(to), ...more].join(', ');
}

/** @param {Row[]} rows */
function table(rows) {
  const lines = [
    ['FROM', 'TO', 'VIA', 'MAY', 'BY'],
    ...rows.map((row) => [
      row.who,
      target(row),
      row.via,
      row.depends ? `perhaps ${row.what}` : row.what,
      row.policies.length > 0 ? row.policies.join(', ') : 'no policy needed',
    ]),
  ].map((line) => line.map(printable));
  const widths = [0, 1, 2, 3].map((at) => Math.min(60, lines.reduce((most, line) => Math.max(most, (line[at] ?? '').length), 0)));
  return lines
    .map((line) => `${line.map((text, at) => (at < 4 ? text.padEnd(widths[at] ?? 0) : text)).join('  ').trimEnd()}\n`)
    .join('');
}

/**
 * The arrows of a graph: from each client to each target, with what they may do.
 * @param {Row[]} rows
 */
function arrows(rows) {
  /** @type {Map<string, { from: string, to: string, labels: string[], depends: boolean }>} */
  const found = new Map();
  for (const row of rows) {
    for (const from of sources(row)) {
      for (const to of [row.to, ...(row.alsoTo ?? [])].map(name)) {
        const key = JSON.stringify([from, to, row.depends]);
        const arrow = found.get(key) ?? { from, to, labels: [], depends: row.depends };
        arrow.labels.push(row.what);
        found.set(key, arrow);
      }
    }
  }
  return [...found.values()];
}

/** @param {Row} row */
function sources({ clients, who }) {
  if (!clients) return ['anyone in the mesh', 'anyone outside'];
  const names = [];
  const { inside, outside } = clients;
  if (inside?.any && !inside.except && !inside.examples) names.push(...inside.any.map(client));
  else if (inside) names.push(who.replace(/ and anyone outside the mesh$/, ''));
  if (outside) names.push('anyone outside');
  return names;
}

/** @param {string} identity */
function client(identity) {
  const [, namespace, account] = /\/ns\/([^/*]+)\/sa\/([^/]+)$/.exec(identity) ?? [];
  if (!namespace) return identity;
  return account === '*' ? `anyone in namespace ${namespace}` : `${namespace}/${account}`;
}

/** @param {string} text */
const quoted = (text) => `"${printable(text).replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;

/** @param {Row[]} rows */
function dot(rows) {
  let out = 'digraph reach {\n  rankdir=LR;\n  node [shape=box];\n';
  for (const { from, to, labels, depends } of arrows(rows)) {
    const style = depends ? ', style=dashed' : '';
    out += `  ${quoted(from)} -> ${quoted(to)} [label=${quoted(labels.join('; '))}${style}];\n`;
  }
  return `${out}}\n`;
}

/** @param {Row[]} rows */
function mermaid(rows) {
  /** @type {Map<string, string>} */
  const ids = new Map();
  /** @param {string} text */
  const node = (text) => {
    const known = ids.get(text);
    if (known) return known;
    const id = `n${ids.size}`;
    ids.set(text, id);
    return `${id}[${escaped(text)}]`;
  };
  let out = 'flowchart LR\n';
  for (const { from, to, labels, depends } of arrows(rows)) {
    out += `  ${node(from)} ${depends ? '-.->' : '-->'}|${escaped(labels.join('; '))}| ${node(to)}\n`;
  }
  return out;
}

/** @param {string} text */
const escaped = (text) => `"${printable(text).replace(/[#"|&<>`]/g, (c) => `#${c.codePointAt(0)};`)}"`;
