// The input of the commands that look at a mesh: bundles, charms, manifests, settings, a live cluster.
import { reader, sources, sourcesOfModel, UsageError } from '../files.js';
import { renderDiagnostics } from '../render.js';
import { EXIT_USAGE, access, collect, juju, overlays } from './input.js';

/** @typedef {import('commander').Command} Command */
/** @typedef {import('../../pkg/mesh_policy.js').Source} Source */
/** @typedef {import('../../pkg/mesh_policy.js').MeshInput} MeshInput */
/** @typedef {import('../../pkg/mesh_policy.js').MeshAnalysis} MeshAnalysis */

/**
 * @typedef {import('./input.js').JujuOptions & {
 *   manifests: string[], settings?: string, cluster?: boolean, kubeconfig?: string, context?: string, timeout: number,
 *   reader?: import('../files.js').Reader, told?: Set<string>,
 * }} MeshOptions
 */

/**
 * The options that say where a mesh is described.
 * @param {Command} command
 * @param {string} [others] what its files may be beside bundles
 */
export function mesh(command, others = ' or manifests') {
  const described = juju(command, ['[files...]', `bundles as \`juju export-bundle\` prints them${others}`])
    .option('--manifests <path>', 'Kubernetes manifests: files, folders, or - for standard input', collect, [])
    .option('--settings <file>', 'settings of the mesh, such as `rootNamespace: istio-system`')
    .option('--cluster', 'read the live cluster as well');
  return access(described);
}

/**
 * Reads what the options of `mesh` name. `undefined` where the cluster cannot be read; the exit code is set.
 *
 * @param {string[]} files bundles or manifests: each tells which it is
 * @param {MeshOptions} options
 * @returns {Promise<MeshInput | undefined>}
 */
export async function meshInput(files, options) {
  const { overlay, databags, manifests, settings } = options;
  if (files.length + databags.length + manifests.length === 0 && !options.cluster) {
    throw new UsageError('nothing to look at: give a bundle (`[MODEL=]BUNDLE`), `--manifests PATH` or `--cluster`');
  }
  const from = options.reader ?? reader(options.maxInput);
  const live = options.cluster ? await readCluster(options) : [];
  if (!live) return undefined;
  return {
    files: [
      ...files.flatMap((argument) => sourcesOfModel(from, argument)),
      ...overlays(from, files, overlay),
    ],
    charms: options.charms.flatMap((path) => sources(from, path)),
    databags: databags.flatMap((argument) => sourcesOfModel(from, argument)),
    manifests: [...manifests.flatMap((path) => sources(from, path)), ...live],
    settings: settings === undefined ? [] : sources(from, settings),
  };
}

/**
 * Reads a mesh and makes it ready to be asked; prints what is wrong with the input. `undefined` where it cannot be used;
 * the exit code is set.
 *
 * @param {string[]} files
 * @param {MeshOptions} options
 * @returns {Promise<MeshAnalysis | undefined>}
 */
export async function analysed(files, options) {
  const input = await meshInput(files, options);
  return input && analysedInput(input, options.told);
}

/**
 * The same of an input that was read.
 *
 * @param {MeshInput} input
 * @param {Set<string>} [told] what was said before of other input, and is not said again
 * @returns {Promise<MeshAnalysis | undefined>}
 */
export async function analysedInput(input, told = new Set()) {
  const core = (await import('../core.js')).loadCore(input);
  const analysis = core.analyse(input);
  const diagnostics = analysis.diagnostics.filter((one) => !told.has(JSON.stringify(one)));
  for (const one of diagnostics) told.add(JSON.stringify(one));
  process.stderr.write(renderDiagnostics(diagnostics, process.stderr));
  if (!analysis.badInput) return analysis;
  analysis.free();
  process.exitCode = EXIT_USAGE;
  return undefined;
}

/**
 * @param {MeshOptions} options
 * @returns {Promise<Source[] | undefined>}
 */
async function readCluster(options) {
  const { readCluster: read } = await import('./cluster.js');
  const text = await read(options);
  return text === undefined ? undefined : [{ file: '<cluster>', text }];
}
