// Juju's hook tools: found once, run by absolute path, never by a shell.
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';

/** Longest output of a tool that is read, in bytes. */
const MAX_OUTPUT = 64 * 1024 * 1024;

/** A hook tool could not be run, or failed. */
export class HookToolError extends Error {
  /**
   * @param {string} tool
   * @param {string} message
   */
  constructor(tool, message) {
    super(message);
    this.name = 'HookToolError';
    this.code = 'hook-tool-failed';
    this.tool = tool;
  }
}

/** @param {string} path */
function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * The tools of the folder of PATH that has `relation-get`, which is where Juju puts all of them. Parts of PATH that depend
 * on the working directory do not count.
 *
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {import('../juju.js').HookTools}
 */
export function hookTools(env = process.env) {
  const folders = (env.PATH ?? '').split(delimiter).filter(isAbsolute);
  const folder = folders.find((each) => isExecutable(join(each, 'relation-get')));

  return {
    has: (tool) => folder !== undefined && isExecutable(join(folder, tool)),
    run(tool, args, input) {
      if (folder === undefined) {
        throw new HookToolError(tool, 'no folder of PATH has the hook tool `relation-get`: run this in a hook, from `dispatch`');
      }
      const { error, status, signal, stdout, stderr } = spawnSync(join(folder, tool), args, {
        env,
        input: input ?? '',
        encoding: 'utf8',
        shell: false,
        maxBuffer: MAX_OUTPUT,
      });
      if (error) {
        const { code } = /** @type {NodeJS.ErrnoException} */ (error);
        const why = code === 'ENOBUFS' ? `wrote more than ${MAX_OUTPUT} bytes` : `cannot be run: ${code}`;
        throw new HookToolError(tool, `\`${tool}\` ${why}`);
      }
      if (status !== 0) {
        const said = stderr.trim().slice(0, 1000) || (signal ? `ended by ${signal}` : `exit status ${status}`);
        throw new HookToolError(tool, `\`${tool} ${args.join(' ').slice(0, 200)}\` failed: ${said}`);
      }
      return stdout;
    },
  };
}
