// `mesh-policy test`
import { reader, sources, UsageError } from '../files.js';
import { commandData, commandProperty } from '../findings.js';
import { printable, renderDiagnostics } from '../render.js';
import { collect, EXIT_FINDINGS, EXIT_USAGE, oneOf } from './input.js';
import { analysed, mesh } from './mesh.js';

/**
 * @typedef {object} Result
 * @property {string} name
 * @property {string} file
 * @property {number} line
 * @property {boolean} pass
 * @property {string} [why]
 * @property {Record<string, unknown>} [witness]
 * @property {string} [trace]
 */
/** @typedef {{ passed: number, failed: number, results: Result[], untouched: string[] }} Report */

/** @param {import('commander').Command} program */
export function test(program) {
  mesh(program.command('test').description('check expectations about who may reach what, like unit tests'), ', manifests or expectations')
    .option('--expect <path>', 'a file of expectations, or a folder of them; may also stand among the other files', collect, [])
    .option('-o, --output <format>', 'human, json, junit or github', oneOf('human', 'json', 'junit', 'github'), 'human')
    .action(run);
}

/**
 * @param {string[]} files
 * @param {import('./mesh.js').MeshOptions & { expect: string[], output: 'human' | 'json' | 'junit' | 'github' }} options
 */
async function run(files, options) {
  const { isExpectations } = (await import('../core.js')).loadCore();
  const from = reader(options.maxInput);
  /** @type {import('../../pkg/mesh_policy.js').Source[]} */
  const expectations = [];
  const rest = files.filter((path) => {
    // Standard input can be read once; it is for the mesh.
    if (path === '-' || path.includes('=')) return true;
    const found = sources(from, path);
    if (!found.every(({ text }) => isExpectations(text))) return true;
    expectations.push(...found);
    return false;
  });
  expectations.push(...options.expect.flatMap((path) => sources(from, path)));
  if (expectations.length === 0) throw new UsageError('nothing is expected: give a file of expectations, such as `--expect expectations.yaml`');
  const analysis = await analysed(rest, options);
  if (!analysis) return;
  const checked = analysis.test({ expectations });
  process.stderr.write(renderDiagnostics(checked.diagnostics, process.stderr));
  const text = checked.json();
  const bad = checked.badInput;
  checked.free();
  analysis.free();
  /** @type {Report} */
  const report = JSON.parse(text);
  if (report.results.length === 0 && !bad) throw new UsageError('nothing is expected: the files hold no expectation');
  if (options.output === 'json') process.stdout.write(`${text}\n`);
  else process.stdout.write({ human, junit, github }[options.output](report));
  process.exitCode = bad ? EXIT_USAGE : report.failed > 0 ? EXIT_FINDINGS : 0;
}

/** @param {string} text */
const indented = (text) => text.trimEnd().split('\n').map((line) => `${`      ${printable(line)}`.trimEnd()}\n`).join('');

/** @param {Report} report */
function human({ passed, failed, results, untouched }) {
  let out = '';
  for (const { name, file, line, pass, why, witness, trace } of results) {
    if (pass) {
      out += `ok    ${printable(name)}\n`;
      continue;
    }
    out += `FAIL  ${printable(name)} (${printable(file)}:${line})\n      ${printable(why ?? '')}\n`;
    if (witness) out += `      for example ${printable(JSON.stringify(witness))}\n`;
    if (trace) out += indented(trace);
  }
  out += `${passed} passed, ${failed} failed\n`;
  if (untouched.length > 0) {
    const shown = untouched.slice(0, 20).map(printable).join(', ');
    const more = untouched.length > 20 ? ` and ${untouched.length - 20} more` : '';
    out += `no expectation touches ${untouched.length} of the policies: ${shown}${more}\n`;
  }
  return out;
}

/** @param {string} text */
function xml(text) {
  return printable(text).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

/** @param {Report} report */
function junit({ passed, failed, results }) {
  let out = '<?xml version="1.0" encoding="UTF-8"?>\n';
  out += `<testsuites tests="${passed + failed}" failures="${failed}">\n`;
  out += `  <testsuite name="mesh-policy" tests="${passed + failed}" failures="${failed}">\n`;
  for (const { name, file, line, pass, why, witness, trace } of results) {
    out += `    <testcase name="${xml(name)}" classname="${xml(file)}" file="${xml(file)}" line="${line}"`;
    if (pass) {
      out += '/>\n';
      continue;
    }
    const lines = [witness ? `for example ${JSON.stringify(witness)}` : '', ...(trace ?? '').split('\n')];
    const detail = lines.filter((text) => text !== '').map(xml).join('\n');
    out += `>\n      <failure message="${xml(why ?? '')}">${detail}</failure>\n    </testcase>\n`;
  }
  return `${out}  </testsuite>\n</testsuites>\n`;
}

/**
 * Annotations beside the expectations of a pull request.
 * @param {Report} report
 */
function github({ passed, failed, results }) {
  let out = '';
  for (const { name, file, line, pass, why, witness } of results) {
    if (pass) continue;
    const text = `${name}: ${why ?? ''}${witness ? `; for example ${JSON.stringify(witness)}` : ''}`;
    out += `::error file=${commandProperty(printable(file))},line=${line},title=expectation::${commandData(printable(text))}\n`;
  }
  return `${out}${passed} passed, ${failed} failed\n`;
}
