// Reads input files for the command line. Every failure is one message with what to do.
import { closeSync, constants, fstatSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Wrong use, or input that cannot be read: exit 2. */
export class UsageError extends Error {}

/** @typedef {import('../pkg/mesh_policy.js').Source} Source */

/** Of a path in a message; no system opens one that is much longer. */
const LONGEST_SHOWN = 4096;

/** @param {string} path @param {unknown} error */
function unreadable(path, error) {
  const code = /** @type {NodeJS.ErrnoException} */ (error).code;
  /** @type {Record<string, string>} */
  const reasons = {
    ENOENT: 'there is no such file or folder',
    EACCES: 'reading it is not permitted',
    EISDIR: 'it is a folder',
    ENOTDIR: 'a part of the path is no folder',
    ELOOP: 'its links go in a circle',
    ENAMETOOLONG: 'no path is that long',
    ENXIO: 'it is a socket or a device that is not there',
    EIO: 'the system cannot read it',
    EPIPE: 'it is a pipe, and nothing writes to it',
    ERR_INVALID_ARG_VALUE: 'a path holds no null character',
  };
  const shown = path.length > LONGEST_SHOWN ? `${path.slice(0, LONGEST_SHOWN)}…` : path;
  return new UsageError(`cannot read \`${shown}\`: ${reasons[code ?? ''] ?? code ?? 'it cannot be opened'}`);
}

/** Room for what has no known size, to begin with, and how long to wait where nothing is there yet, in milliseconds. */
const ROOM = 1 << 16;
const PAUSE = 10;

const clock = new Int32Array(new SharedArrayBuffer(4));

/**
 * Everything that a file, a pipe or a device gives, up to `limit` bytes; `undefined` where there is more.
 * @param {number} file
 * @param {import('node:fs').Stats} stats
 * @param {number} limit
 */
function contents(file, stats, limit) {
  if (stats.isFile() && stats.size > limit) return undefined;
  // With one byte more than a file claims to have, its end is seen without growing.
  let buffer = Buffer.allocUnsafe(stats.isFile() && stats.size > 0 ? stats.size + 1 : ROOM);
  let size = 0;
  for (;;) {
    const count = readSome(file, buffer.subarray(size));
    if (count === 0) return buffer.subarray(0, size);
    size += count;
    if (size > limit) return undefined;
    if (size === buffer.length) buffer = Buffer.concat([buffer], 2 * size);
  }
}

/** @param {number} file @param {Buffer} chunk */
function readSome(file, chunk) {
  for (;;) {
    try {
      return readSync(file, chunk);
    } catch (error) {
      const { code } = /** @type {NodeJS.ErrnoException} */ (error);
      if (code === 'EOF') return 0;
      // Somebody has it open for writing and has written nothing yet.
      if (code !== 'EAGAIN') throw error;
      Atomics.wait(clock, 0, 0, PAUSE);
    }
  }
}

/** What was read of standard input is gone. */
let stdinIsRead = false;

/**
 * Reads input of at most `limit` bytes in all.
 * @param {number} limit
 * @returns {Reader}
 */
export function reader(limit) {
  let left = limit;

  /** @param {string} path @returns {Uint8Array} */
  function read(path) {
    let file;
    if (path === '-') {
      if (stdinIsRead) throw new UsageError('standard input can be read once: give a file for the other');
      stdinIsRead = true;
    }
    try {
      // Without waiting, because a pipe that nobody ever opens for writing would hold us up for ever.
      file = path === '-' ? 0 : openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
      const stats = fstatSync(file);
      if (stats.isDirectory()) throw Object.assign(new Error(), { code: 'EISDIR' });
      const bytes = contents(file, stats, left);
      if (!bytes) throw tooLarge(path);
      if (bytes.length === 0 && stats.isFIFO() && path !== '-') throw Object.assign(new Error(), { code: 'EPIPE' });
      left -= bytes.length;
      return bytes;
    } catch (error) {
      throw error instanceof UsageError ? error : unreadable(path, error);
    } finally {
      if (file) closeSync(file);
    }
  }

  /** @param {string} path */
  function tooLarge(path) {
    return new UsageError(
      `\`${path}\` makes the input larger than ${limit} bytes: give less, or raise --max-input`,
    );
  }

  /**
   * A file, or the YAML and JSON files of a folder in the order of their names.
   * @param {string} path
   * @returns {string[]}
   */
  function expand(path) {
    if (path === '-') return [path];
    try {
      if (!statSync(path).isDirectory()) return [path];
      const names = readdirSync(path).filter((name) => /\.(ya?ml|json)$/.test(name)).sort();
      if (names.length === 0) {
        throw new UsageError(`the folder \`${path}\` has no .yaml, .yml or .json file`);
      }
      return names.map((name) => join(path, name));
    } catch (error) {
      throw error instanceof UsageError ? error : unreadable(path, error);
    }
  }

  return { read, expand };
}

/** @typedef {{ read: (path: string) => Uint8Array, expand: (path: string) => string[] }} Reader */

/**
 * What a file or folder holds, for the core.
 * @param {Reader} from
 * @param {string} path
 * @param {Pick<Source, 'model' | 'overlay'>} [more]
 * @returns {(Source & { text: Uint8Array })[]}
 */
export function sources(from, path, more) {
  return from.expand(path).map((file) => ({ file: file === '-' ? '<stdin>' : file, text: from.read(file), ...more }));
}

/**
 * The same of `[MODEL=]PATH`.
 * @param {Reader} from
 * @param {string} argument
 * @param {boolean} [overlay]
 */
export function sourcesOfModel(from, argument, overlay) {
  const { model, path } = splitModel(argument);
  return sources(from, path, { model, overlay });
}

/**
 * What a file says, where the core takes text and no bytes.
 * @param {Reader} from
 * @param {string} path
 */
export function readText(from, path) {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(from.read(path));
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`\`${path}\` is not valid UTF-8: save it as UTF-8`);
  }
}

/**
 * Splits `MODEL=FILE`. A path that holds `=` must be written with a model before it, or `./`.
 * @param {string} argument
 * @returns {{ model?: string, path: string }}
 */
export function splitModel(argument) {
  const at = argument.indexOf('=');
  if (at === 0) throw new UsageError(`\`${argument}\` names no model: write \`MODEL${argument}\``);
  if (at > 0 && at === argument.length - 1 && !argument.includes('/')) throw new UsageError(`\`${argument}\` names no file: write \`${argument}FILE\``);
  if (at < 0 || argument.slice(0, at).includes('/')) return { path: argument };
  return { model: argument.slice(0, at), path: argument.slice(at + 1) };
}
