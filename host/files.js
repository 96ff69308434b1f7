// Reads input files for the command line. Every failure is one message with what to do.
import { closeSync, fstatSync, openSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Wrong use, or input that cannot be read: exit 2. */
export class UsageError extends Error {}

/** @typedef {import('../pkg/mesh_policy.js').Source} Source */

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
  };
  return new UsageError(`cannot read \`${path}\`: ${reasons[code ?? ''] ?? code ?? 'it cannot be opened'}`);
}

/**
 * Reads input of at most `limit` bytes in all.
 * @param {number} limit
 */
export function reader(limit) {
  let left = limit;

  /** @param {string} path @returns {Uint8Array} */
  function read(path) {
    let file;
    try {
      file = path === '-' ? 0 : openSync(path, 'r');
      const stats = fstatSync(file);
      if (stats.isDirectory()) throw Object.assign(new Error(), { code: 'EISDIR' });
      if (stats.isFile() && stats.size > left) throw tooLarge(path);
      const bytes = readFileSync(file);
      left -= bytes.length;
      if (left < 0) throw tooLarge(path);
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

/**
 * Splits `MODEL=FILE`. A path that holds `=` must be written with a model before it, or `./`.
 * @param {string} argument
 * @returns {{ model?: string, path: string }}
 */
export function splitModel(argument) {
  const at = argument.indexOf('=');
  if (at <= 0 || argument.slice(0, at).includes('/')) return { path: argument };
  return { model: argument.slice(0, at), path: argument.slice(at + 1) };
}
