#!/usr/bin/env node
// The command line. Commands read files, ask the core and print; they decide nothing about policies.
import { EXIT_USAGE } from './commands/input.js';
import { UsageError } from './files.js';
import { createProgram } from './program.js';
import { printable } from './render.js';

const { program } = await createProgram(process.argv[2]);

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
