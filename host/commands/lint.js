// `mesh-policy lint`
import { toGithub, toSarif } from '../findings.js';
import { json, renderDiagnostics } from '../render.js';
import { EXIT_FINDINGS, EXIT_USAGE, oneOf } from './input.js';
import { mesh, meshInput } from './mesh.js';

/** @param {import('commander').Command} program */
export function lint(program) {
  mesh(program.command('lint').description('say what is wrong with policies, or dangerous: where, why, what to write instead'))
    .option('--fail-on <severity>', 'exit with 1 from this severity on: error or warning', oneOf('error', 'warning'), 'error')
    .option('-o, --output <format>', 'human, json, sarif or github', oneOf('human', 'json', 'sarif', 'github'), 'human')
    .action(run);
}

/**
 * @param {string[]} files
 * @param {import('./mesh.js').MeshOptions & { failOn: string, output: string }} options
 */
async function run(files, options) {
  const input = await meshInput(files, options);
  if (!input) return;
  const core = (await import('../core.js')).loadCore(input);
  const analysis = core.analyse(input);
  const findings = analysis.lint();
  const { badInput } = analysis;
  analysis.free();
  process.stdout.write(FORMATS[options.output]?.(findings) ?? '');
  const failing = options.failOn === 'warning' ? ['error', 'warning'] : ['error'];
  if (badInput) process.exitCode = EXIT_USAGE;
  else if (findings.some(({ severity }) => failing.includes(severity))) process.exitCode = EXIT_FINDINGS;
}

/** @typedef {import('../../pkg/mesh_policy.js').Diagnostic} Diagnostic */

/** @type {Record<string, (findings: Diagnostic[]) => string>} */
const FORMATS = {
  human: (findings) => renderDiagnostics(findings, process.stdout) + summary(findings),
  json: (findings) => `${json({ diagnostics: findings }, 2)}\n`,
  sarif: (findings) => `${json(toSarif(findings), 2)}\n`,
  github: toGithub,
};

/** @param {Diagnostic[]} findings */
function summary(findings) {
  /** @param {string} severity @param {string} word */
  const count = (severity, word) => {
    const n = findings.filter((one) => one.severity === severity).length;
    return `${n} ${word}${n === 1 ? '' : 's'}`;
  };
  return `${count('error', 'error')}, ${count('warning', 'warning')}, ${count('note', 'note')}\n`;
}
