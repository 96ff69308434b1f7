// Reads input files as they are in a commit. Nothing is checked out and no hook runs.
import { spawnSync } from 'node:child_process';
import { join, relative } from 'node:path';
import { UsageError } from './files.js';

/** Beyond what is read: git's own lists of names. */
const LISTING_BYTES = 16 * 1024 * 1024;

/**
 * Runs git; `undefined` where it says no.
 * @param {string[]} args
 * @param {number} limit of its output, in bytes
 */
function git(args, limit) {
  const { status, stdout, stderr, error } = spawnSync('git', args, { maxBuffer: limit });
  const code = /** @type {NodeJS.ErrnoException | undefined} */ (error)?.code;
  if (code === 'ENOBUFS') throw new UsageError('the input is larger than --max-input in that commit: give less, or raise it');
  if (code !== undefined) throw new UsageError(`cannot run git: ${code === 'ENOENT' ? 'it is not installed' : code}`);
  return status === 0 ? { output: stdout } : { refusal: stderr.toString().trim().split('\n')[0] ?? '' };
}

/**
 * What `reader` of `files.js` is for the files of today. A path that the commit does not have is no file.
 * @param {string} revision
 * @param {number} limit in bytes, of all that is read
 * @returns {import('./files.js').Reader}
 */
export function commitReader(revision, limit) {
  const found = git(['rev-parse', '--verify', '--end-of-options', `${revision}^{commit}`], LISTING_BYTES);
  if (!found.output) {
    // What git itself says where it knows no such name tells nobody anything.
    const why = /single revision/.test(found.refusal ?? '') ? '' : ` (${found.refusal})`;
    throw new UsageError(`\`${revision}\` is no commit that is here: fetch it, or name another one${why}`);
  }
  const commit = found.output.toString().trim();
  let left = limit;
  const prefix = git(['rev-parse', '--show-prefix'], LISTING_BYTES).output?.toString().replace(/\n$/, '') ?? '';
  /** @param {string} path */
  const object = (path) => `${commit}:${join(prefix, relative(process.cwd(), path)).replace(/^\.$|\/$/, '')}`;

  /** @param {string} path @returns {Uint8Array} */
  function read(path) {
    const { output, refusal } = git(['cat-file', 'blob', object(path)], left);
    if (!output) throw new UsageError(`cannot read \`${path}\` in \`${revision}\`: ${refusal}`);
    left -= output.length;
    return output;
  }

  /** @param {string} path @returns {string[]} */
  function expand(path) {
    if (path === '-') throw new UsageError('standard input is in no commit: give files');
    const kind = git(['cat-file', '-t', object(path)], LISTING_BYTES).output?.toString().trim();
    if (kind === 'blob') return [path];
    if (kind !== 'tree') return [];
    const listing = git(['ls-tree', '--full-tree', '-z', object(path)], LISTING_BYTES).output?.toString() ?? '';
    const names = listing.split('\0').flatMap((line) => /^\d+ blob [0-9a-f]+\t(.+\.(?:ya?ml|json))$/s.exec(line)?.[1] ?? []);
    return names.sort().map((name) => join(path, name));
  }

  return { read, expand };
}
