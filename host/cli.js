#!/usr/bin/env node
// The command line. Commands read files, ask the core and print; they decide nothing about policies.
import { EXIT_FINDINGS, EXIT_USAGE } from './commands/input.js';
import { UsageError } from './files.js';
import { createProgram } from './program.js';
import { printable } from './render.js';

const { program } = await createProgram(process.argv[2]);

// A reader that stops early (`| head`) is no error. What cannot be written for another reason is, but nothing that is
// under way, such as the writes of `apply`, is broken off for it.
process.stdout.on('error', (error) => {
  const { code } = /** @type {NodeJS.ErrnoException} */ (error);
  if (code === 'EPIPE') return;
  const reason = code === 'ENOSPC' ? 'no space is left on the device' : printable(code ?? error.message);
  process.stderr.write(`error: cannot write the output: ${reason}\n`);
  process.on('exit', () => {
    if (!process.exitCode || process.exitCode === EXIT_FINDINGS) process.exitCode = EXIT_USAGE;
  });
});
// Where nobody can be told, the exit code tells.
process.stderr.on('error', () => {});

try {
  await program.parseAsync();
} catch (error) {
  const { code, exitCode } = /** @type {{ code?: string, exitCode?: number }} */ (error);
  if (code?.startsWith('commander.')) {
    process.exitCode = exitCode === 0 ? 0 : EXIT_USAGE;
  } else if (error instanceof UsageError) {
    process.stderr.write(`error: ${printable(error.message)}\n`);
    process.exitCode = EXIT_USAGE;
  } else if (code === 'input-too-large') {
    process.stderr.write(`error[${code}]: ${printable(String(/** @type {Error} */ (error).message))}\n`);
    process.exitCode = EXIT_USAGE;
  } else if (error instanceof WebAssembly.RuntimeError && (await import('./memory.js')).isFull()) {
    process.stderr.write('error[out-of-memory]: the input needs more memory than WebAssembly has: give less of it at a time\n');
    process.exitCode = EXIT_USAGE;
  } else {
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(`error: this is a fault of mesh-policy, not of your input: ${printable(message)}\n`);
    process.exitCode = EXIT_USAGE;
  }
}
