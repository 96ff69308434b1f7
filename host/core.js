// The core, for a command that runs once and ends.
import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import * as core from '../pkg/mesh_policy.js';

/** @typedef {import('../pkg/mesh_policy.js').MeshInput} MeshInput */

let ready = false;

/** Input of fewer bytes is done with before optimised code would pay. */
const LITTLE = 1 << 20;

/**
 * The core, made ready where it is not. For a little input V8 optimises next to none of it: that takes other threads several times as long as all of
 * the work takes the first compiler's code, and they get in its way. A loop that runs on and on is optimised all the same.
 *
 * Only for the command line: V8's flags are the whole process's, and a program that uses the library runs for long.
 *
 * @param {MeshInput} [input] what it will be given
 * @returns {typeof core}
 */
export function loadCore(input = {}) {
  if (ready) return core;
  ready = true;
  const bytes = Object.values(input).flat().reduce((sum, source) => sum + (source?.text.length ?? 0), 0);
  // V8 complains aloud of a flag that it does not know: these are the versions of Node that it was tried with.
  const version = Number.parseInt(process.versions.node, 10);
  if (bytes < LITTLE && version >= 20 && version <= 24) setFlagsFromString('--wasm-tiering-budget=1800000000');
  core.initSync({ module: readFileSync(new URL('../pkg/mesh_policy_bg.wasm', import.meta.url)) });
  return core;
}
