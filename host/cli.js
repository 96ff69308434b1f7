#!/usr/bin/env node
// The command line. Commands read files, ask the core and print; they decide nothing about policies.
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { apply } from './commands/apply.js';
import { compile } from './commands/compile.js';
import { remove } from './commands/delete.js';
import { diff } from './commands/diff.js';
import { explain } from './commands/explain.js';
import { hook } from './commands/hook.js';
import { serve } from './commands/serve.js';
import { EXIT_USAGE } from './commands/input.js';
import { labels } from './commands/labels.js';
import { lint } from './commands/lint.js';
import { plan } from './commands/plan.js';
import { reach } from './commands/reach.js';
import { test } from './commands/test.js';
import { UsageError } from './files.js';
import { printable } from './render.js';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const program = new Command('mesh-policy')
  .description('a policy compiler for service meshes')
  .version(version)
  .showHelpAfterError('(see `mesh-policy --help`)')
  .exitOverride();

for (const register of [
  compile,
  diff,
  explain,
  reach,
  test,
  plan,
  apply,
  remove,
  labels,
  hook,
  serve,
  lint,
]) {
  register(program);
}

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
