// What commands have in common: their input options, and how input becomes sources for the core.
import { InvalidArgumentError } from '../commander.js';
import { reader, sources, sourcesOfModel, splitModel, UsageError } from '../files.js';

/** @typedef {import('commander').Command} Command */

/** There was something to report: a finding, a change, a policy left out. */
export const EXIT_FINDINGS = 1;
/** Wrong use or input that cannot be used. */
export const EXIT_USAGE = 2;
/** The cluster refused, or could not be asked. */
export const EXIT_CLUSTER = 3;

export const DEFAULT_MAX_INPUT = 64 * 1024 * 1024;

/** @param {string} text */
export function bytes(text) {
  const match = /^(\d+)([KMG]i?B?)?$/i.exec(text);
  if (!match) throw new InvalidArgumentError('write a number of bytes, such as 1000000 or 64MiB.');
  const unit = { K: 10, M: 20, G: 30 }[(match[2] ?? ' ')[0]?.toUpperCase() ?? ''] ?? 0;
  const many = Number(match[1]) * 2 ** unit;
  if (!Number.isSafeInteger(many)) throw new InvalidArgumentError('write a number of bytes, such as 1000000 or 64MiB.');
  return many;
}

/** @param {string} text */
function seconds(text) {
  if (!/^\d{1,6}(\.\d+)?$/.test(text) || Number(text) === 0) throw new InvalidArgumentError('write a number of seconds.');
  return Number(text);
}

/**
 * The options that say which cluster.
 * @param {Command} command
 */
export function access(command) {
  return command
    .option('--kubeconfig <file>', 'instead of KUBECONFIG, ~/.kube/config or the service account of the pod')
    .option('--context <name>', 'of the kubeconfig, instead of its current one')
    .option('--timeout <seconds>', 'how long to wait for an answer of the API server', seconds, 30);
}

/** @param {string} value @param {string[]} before */
export const collect = (value, before) => [...before, value];

/**
 * A parser of an option that takes one of a few words; completion reads them from it.
 * @param {string[]} words
 */
export function oneOf(...words) {
  const parse = (/** @type {string} */ value) => {
    if (!words.includes(value)) throw new InvalidArgumentError(`write ${[words.slice(0, -1).join(', '), ...words.slice(-1)].join(' or ')}.`);
    return value;
  };
  return Object.assign(parse, { words });
}

/**
 * The options that say where input is.
 * @param {Command} command
 * @param {[name: string, description: string]} [files] what stands without an option
 */
export function juju(command, [name, description] = ['[bundles...]', 'bundles as `juju export-bundle` prints them']) {
  return command
    .argument(name, `${description}: [MODEL=]FILE, or - for standard input`)
    .option('--charms <path>', 'charm files, or folders of them; this and other paths may be given several times', collect, [])
    .option('--overlay <path>', 'an overlay of the bundle', collect, [])
    .option('--databags <[model=]file>', 'what `juju show-unit BEACON/0 --format json` prints, or a list of MeshPolicies', collect, [])
    .option('--max-input <bytes>', 'refuse more input than this', bytes, DEFAULT_MAX_INPUT);
}

/**
 * Overlays of the one bundle that there is.
 * @param {import('../files.js').Reader} from
 * @param {string[]} bundles
 * @param {string[]} overlay
 */
export function overlays(from, bundles, overlay) {
  if (overlay.length > 0 && bundles.length === 0) throw new UsageError('`--overlay` changes a bundle: give the bundle too');
  const models = bundles.map((argument) => splitModel(argument).model);
  return overlay.flatMap((argument) => {
    const { model, path } = splitModel(argument);
    if (model !== undefined && !models.includes(model)) {
      throw new UsageError(`the overlay \`${path}\` is of the model \`${model}\`, and no bundle is: write \`--overlay ${path}\``);
    }
    return sourcesOfModel(from, argument, true);
  });
}

/** @typedef {{ charms: string[], overlay: string[], databags: string[], maxInput: number }} JujuOptions */

/**
 * Reads what the options of `juju` name.
 * @param {string[]} bundles
 * @param {JujuOptions} options
 * @param {import('../files.js').Reader} [from] what else is read by it counts towards the same limit
 */
export function readJuju(bundles, { charms, overlay, databags, maxInput }, from = reader(maxInput)) {
  if (overlay.length > 0 && bundles.length > 1) {
    throw new UsageError('with several bundles, write overlays as further documents of the bundle they belong to');
  }
  return {
    bundles: [
      ...bundles.flatMap((argument) => sourcesOfModel(from, argument)),
      ...overlays(from, bundles, overlay),
    ],
    charms: charms.flatMap((path) => sources(from, path)),
    databags: databags.flatMap((argument) => sourcesOfModel(from, argument)),
  };
}
