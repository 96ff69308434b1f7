// commander as CommonJS has it: asked for by `import`, Node would first read all of its text for the names of its exports.
import { createRequire } from 'node:module';

/** @type {typeof import('commander')} */
const commander = createRequire(import.meta.url)('commander');

export const { Command, Help, InvalidArgumentError } = commander;
