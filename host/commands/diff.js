// `mesh-policy diff`
import { UsageError } from '../files.js';
import { commitReader } from '../git.js';
import { printable } from '../render.js';
import { EXIT_FINDINGS, access, bytes, collect, DEFAULT_MAX_INPUT, oneOf } from './input.js';
import { analysed } from './mesh.js';

/** @typedef {{ service?: string, pod?: string }} To */
/**
 * @typedef {object} Change
 * @property {To} to
 * @property {To[]} [alsoTo]
 * @property {string} text
 * @property {{ policy: string, change: string }[]} policies
 * @property {string[]} [reasons]
 * @property {Record<string, unknown>} witness
 */
/**
 * @typedef {object} Diff
 * @property {boolean} equivalent
 * @property {Change[]} granted
 * @property {Change[]} revoked
 * @property {{ to: To, text: string, witness: Record<string, unknown> }[]} unknown
 * @property {{ to: To, why: string, help: string }[]} notCompared
 * @property {string[]} [assumed]
 */

/** @param {import('commander').Command} program */
export function diff(program) {
  const command = program
    .command('diff')
    .description('say which access a change grants and which it revokes, each with a request that shows it')
    .usage('[options] (OLD NEW | --base COMMIT FILES...)')
    .argument('<files...>', 'bundles or manifests before and after the change: files, folders, or `cluster` for the live one')
    .option('--base <commit>', 'compare all files, those of options too, with what they are in this commit of git')
    .option('--manifests <path>', 'manifests that both sides have: Services, pods, namespaces', collect, [])
    .option('--charms <path>', 'charm files, or folders of them', collect, [])
    .option('--old-charms <path>', 'charm files of the old side, where they differ', collect, [])
    .option('--settings <file>', 'settings of the mesh, such as `rootNamespace: istio-system`')
    .option('--only-described', 'compare requests of described clients alone, and of those without identity, with methods in common use')
    .option('--fail-on <what>', 'exit 1 if there is any: granted, revoked or any', oneOf('granted', 'revoked', 'any'))
    .option('-o, --output <format>', 'human, json, markdown or github', oneOf('human', 'json', 'markdown', 'github'), 'human')
    .option('--max-input <bytes>', 'refuse more input than this, for each side', bytes, DEFAULT_MAX_INPUT)
    .action(run);
  access(command);
}

/**
 * @typedef {object} DiffOptions
 * @property {string} [base]
 * @property {string[]} manifests
 * @property {string[]} charms
 * @property {string[]} oldCharms
 * @property {string} [settings]
 * @property {boolean} [onlyDescribed]
 * @property {'granted' | 'revoked' | 'any'} [failOn]
 * @property {'human' | 'json' | 'markdown' | 'github'} output
 * @property {number} maxInput
 * @property {string} [kubeconfig]
 * @property {string} [context]
 * @property {number} timeout
 */

/**
 * @param {string[]} files
 * @param {DiffOptions} options
 */
async function run(files, options) {
  const { base, maxInput, charms } = options;
  if (base === undefined && files.length !== 2) {
    throw new UsageError('give what there was and what there is (`OLD NEW`), or `--base COMMIT` and any number of files');
  }
  if (base === undefined && files.every((path) => path === '-')) throw new UsageError('only one side can come from standard input');
  const oldCharms = options.oldCharms.length > 0 ? options.oldCharms : charms;
  const old = base === undefined ? undefined : commitReader(base, maxInput);
  const told = new Set();
  const before = await side(old ? files : files.slice(0, 1), { ...options, charms: oldCharms, reader: old, told });
  const after = before && (await side(old ? files : files.slice(1), { ...options, told }));
  if (!before || !after) return;
  const text = before.diffTo(after, options.onlyDescribed);
  before.free();
  after.free();
  /** @type {Diff} */
  const found = JSON.parse(text);
  process.stdout.write(render(found, text, options.output));
  const { granted, revoked, unknown, notCompared } = found;
  const fails = {
    granted: granted.length + unknown.length + notCompared.length > 0,
    revoked: revoked.length + unknown.length + notCompared.length > 0,
    any: !found.equivalent,
  };
  if (options.failOn && fails[options.failOn]) process.exitCode = EXIT_FINDINGS;
}

/**
 * @param {string[]} paths
 * @param {DiffOptions & { reader?: ReturnType<typeof commitReader>, told: Set<string> }} options
 */
function side(paths, options) {
  const files = paths.filter((path) => path !== 'cluster');
  return analysed(files, { ...options, overlay: [], databags: [], cluster: files.length < paths.length });
}

/**
 * @param {Diff} found
 * @param {string} text
 * @param {DiffOptions['output']} output
 */
function render(found, text, output) {
  switch (output) {
    case 'json': return `${text}\n`;
    case 'markdown': return markdown(found);
    case 'github': return github(found);
    default: return human(found);
  }
}

/** @param {Change} change */
function also({ alsoTo = [] }) {
  const names = alsoTo.slice(0, 3).map((to) => to.service ?? to.pod ?? '');
  if (alsoTo.length > 3) names.push(`${alsoTo.length - 3} more`);
  return names.length > 0 ? `, and the same to ${names.join(', ')}` : '';
}

/** @param {Change} change */
const because = ({ policies, reasons = [] }) => [...policies.map(({ policy, change }) => `${policy} (${change})`), ...reasons].join(', ');

/** @param {Record<string, unknown>} request */
export const requestText = (request) => printable(JSON.stringify(request));

/** @param {Diff} found */
function verdict({ equivalent, granted, revoked }) {
  if (equivalent) return 'equivalent: every request gets the same answer';
  return `${granted.length} granted, ${revoked.length} revoked`;
}

/** @param {Diff} found */
function human(found) {
  let out = (found.assumed ?? []).map((text) => `note: ${printable(text)}\n`).join('');
  for (const [sign, changes] of /** @type {const} */ ([['+', found.granted], ['-', found.revoked]])) {
    for (const change of changes) {
      out += `${sign} ${printable(change.text + also(change))}\n`;
      const why = because(change);
      if (why !== '') out += `    because of ${printable(why)}\n`;
      out += `    for example ${requestText(change.witness)}\n`;
    }
  }
  for (const { text, witness } of found.unknown) {
    out += `? ${printable(text)}\n    for example ${requestText(witness)}\n`;
  }
  for (const { to, why, help } of found.notCompared) {
    out += `! ${printable(to.service ?? to.pod ?? '')} was not compared: ${printable(why)}\n    ${help}\n`;
  }
  return `${out}${verdict(found)}\n`;
}

/** Text that is nothing but text in Markdown: no cell, link, picture, mark or tag begins or ends in it. @param {string} text */
const cell = (text) => printable(text).replace(/[&<>|`*_~[\]\\]|:(?=\/\/)|(?<=www)\.|@/gi, (c) => `&#${c.charCodeAt(0)};`);
/** @param {string} text */
const codeCell = (text) => `<code>${cell(text)}</code>`;

/** @param {Diff} found */
function markdown(found) {
  let out = `### Access: ${verdict(found)}\n`;
  for (const [title, changes] of /** @type {const} */ ([['Granted', found.granted], ['Revoked', found.revoked]])) {
    if (changes.length === 0) continue;
    out += `\n**${title}**\n\n| access | because of | for example |\n|---|---|---|\n`;
    for (const change of changes) {
      const text = cell(change.text + also(change));
      out += `| ${text} | ${codeCell(because(change))} | ${codeCell(JSON.stringify(change.witness))} |\n`;
    }
  }
  const open = [
    ...(found.assumed ?? []),
    ...found.unknown.map(({ text }) => text),
    ...found.notCompared.map(({ to, why }) => `${to.service ?? to.pod} was not compared: ${why}`),
  ];
  if (open.length > 0) out += `\n**Not known**\n\n${open.map((text) => `- ${cell(text)}\n`).join('')}`;
  return out;
}

/** @param {string} text */
const annotation = (text) => text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');

/** @param {Diff} found */
function github(found) {
  let out = (found.assumed ?? []).map((text) => `::notice title=assumed::${annotation(printable(text))}\n`).join('');
  for (const [level, title, changes] of /** @type {const} */ ([
    ['warning', 'access granted', found.granted],
    ['notice', 'access revoked', found.revoked],
  ])) {
    for (const change of changes) {
      const text = `${change.text}${also(change)}; because of ${because(change)}; for example ${JSON.stringify(change.witness)}`;
      out += `::${level} title=${title}::${annotation(printable(text))}\n`;
    }
  }
  for (const { text } of found.unknown) out += `::warning title=access not known::${annotation(printable(text))}\n`;
  for (const { to, why } of found.notCompared) {
    out += `::warning title=not compared::${annotation(printable(`${to.service ?? to.pod}: ${why}`))}\n`;
  }
  return out === '' ? `::notice title=access::${verdict(found)}\n` : out;
}
