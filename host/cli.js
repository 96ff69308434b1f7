#!/usr/bin/env node
// The command line. It reads files, asks the core and prints; it decides nothing about policies.
import { readFileSync } from 'node:fs';
import { Command, InvalidArgumentError } from 'commander';
import { reader, splitModel, UsageError } from './files.js';
import { printable, renderDiagnostics } from './render.js';

const EXIT_FINDINGS = 1;
const EXIT_USAGE = 2;
const DEFAULT_MAX_INPUT = 64 * 1024 * 1024;

/** @param {string} text */
function bytes(text) {
  const match = /^(\d+)([KMG]i?B?)?$/i.exec(text);
  if (!match) throw new InvalidArgumentError('write a number of bytes, such as 1000000 or 64MiB.');
  const unit = { K: 10, M: 20, G: 30 }[(match[2] ?? ' ')[0]?.toUpperCase() ?? ''] ?? 0;
  return Number(match[1]) * 2 ** unit;
}

/** @param {string} value @param {string[]} before */
const collect = (value, before) => [...before, value];

/**
 * @typedef {{ charms: string[], overlay: string[], databags: string[], output: string, maxInput: number }} CompileOptions
 */

/**
 * @param {string[]} bundles
 * @param {CompileOptions} options
 */
async function compileCommand(bundles, options) {
  if (bundles.length === 0 && options.databags.length === 0) {
    throw new UsageError('nothing to compile: give a bundle (`[MODEL=]BUNDLE`) or `--databags FILE`');
  }
  if (options.overlay.length > 0 && bundles.length > 1) {
    throw new UsageError('with several bundles, write overlays as further documents of the bundle they belong to');
  }
  const { read, expand } = reader(options.maxInput);
  /** @param {string} argument @param {boolean} [overlay] */
  const sources = (argument, overlay) => {
    const { model, path } = splitModel(argument);
    return expand(path).map((file) => ({ file: file === '-' ? '<stdin>' : file, text: read(file), model, overlay }));
  };
  const input = {
    bundles: [
      ...bundles.flatMap((argument) => sources(argument)),
      ...options.overlay.flatMap((path) => sources(path, true)),
    ],
    charms: options.charms.flatMap((path) => expand(path).map((file) => ({ file, text: read(file) }))),
    databags: options.databags.flatMap((argument) => sources(argument)),
  };
  const { compile } = await import('./index.js');
  const compilation = compile(input);
  process.stderr.write(renderDiagnostics(compilation.diagnostics, process.stderr));
  if (compilation.badInput) {
    process.exitCode = EXIT_USAGE;
  } else {
    process.stdout.write(options.output === 'json' ? `${compilation.json()}\n` : compilation.yaml());
    process.exitCode = compilation.dropped ? EXIT_FINDINGS : 0;
  }
  compilation.free();
}

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const program = new Command('mesh-policy')
  .description('a policy compiler for service meshes')
  .version(version)
  .showHelpAfterError('(see `mesh-policy --help`)')
  .exitOverride();

program
  .command('compile')
  .description('Juju bundles and charm files -> AuthorizationPolicies')
  .argument('[bundles...]', 'bundles as `juju export-bundle` prints them: [MODEL=]FILE, or - for standard input')
  .option('--charms <path>', 'charm files, or folders of them', collect, [])
  .option('--overlay <path>', 'an overlay of the bundle', collect, [])
  .option('--databags <[model=]file>', 'what `juju show-unit BEACON/0 --format json` prints, or a list of MeshPolicies', collect, [])
  .option('-o, --output <format>', 'yaml or json', (value) => {
    if (value !== 'yaml' && value !== 'json') throw new InvalidArgumentError('write yaml or json.');
    return value;
  }, 'yaml')
  .option('--max-input <bytes>', 'refuse more input than this', bytes, DEFAULT_MAX_INPUT)
  .action(compileCommand);

// A reader that stops early (`| head`) is no error.
process.stdout.on('error', (error) => {
  if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EPIPE') throw error;
});

try {
  await program.parseAsync();
} catch (error) {
  const { code, exitCode } = /** @type {{ code?: string, exitCode?: number }} */ (error);
  if (code?.startsWith('commander.')) {
    process.exitCode = exitCode === 0 ? 0 : EXIT_USAGE;
  } else if (error instanceof UsageError) {
    process.stderr.write(`error: ${printable(error.message)}\n`);
    process.exitCode = EXIT_USAGE;
  } else {
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(`error: this is a fault of mesh-policy, not of your input: ${printable(message)}\n`);
    process.exitCode = EXIT_USAGE;
  }
}
