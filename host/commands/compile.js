// `mesh-policy compile`
import { reader, sources, UsageError } from '../files.js';
import { print } from '../print.js';
import { renderDiagnostics } from '../render.js';
import { EXIT_FINDINGS, EXIT_USAGE, juju, oneOf, readJuju } from './input.js';

/** @param {import('commander').Command} program */
export function compile(program) {
  juju(program.command('compile').description('turn Juju bundles and charm files into AuthorizationPolicies'))
    .option('--settings <file>', 'settings of the mesh: checked, though none changes what is compiled')
    .option('-o, --output <format>', 'yaml or json', oneOf('yaml', 'json'), 'yaml')
    .action(run);
}

/**
 * @param {string[]} bundles
 * @param {import('./input.js').JujuOptions & { settings?: string, output: string }} options
 */
async function run(bundles, options) {
  if (bundles.length === 0 && options.databags.length === 0) {
    throw new UsageError('nothing to compile: give a bundle (`[MODEL=]BUNDLE`) or `--databags FILE`');
  }
  const from = reader(options.maxInput);
  const { settings } = options;
  const input = { ...readJuju(bundles, options, from), settings: settings === undefined ? [] : sources(from, settings) };
  const core = (await import('../core.js')).loadCore(input);
  const compilation = core.compile(input);
  process.stderr.write(renderDiagnostics(compilation.diagnostics, process.stderr));
  if (compilation.badInput) {
    process.exitCode = EXIT_USAGE;
  } else {
    const parts = compilation.parts(options.output === 'json' ? 'json' : 'yaml');
    if (await print(() => parts.read()) && options.output === 'json') process.stdout.write('\n');
    parts.free();
    process.exitCode = compilation.dropped ? EXIT_FINDINGS : 0;
  }
  compilation.free();
}
