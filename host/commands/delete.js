// `mesh-policy delete`
import { UsageError } from '../files.js';
import { beacons, compiled, report, runAll } from './cluster.js';
import { oneOf } from './input.js';

/** @param {import('commander').Command} program */
export function remove(program) {
  beacons(program.command('delete').description('delete what `apply` made'))
    .option('--dry-run <where>', '`server`: the API server checks every deletion and does none', oneOf('server'))
    .option('--plan', 'only say what would be deleted')
    .action(run);
}

/** @param {string} text `MODEL/APPLICATION` */
async function beacon(text) {
  const [model, application, ...more] = text.split('/');
  if (!model || !application || more.length > 0) throw new UsageError(`\`${text}\` is no beacon: write \`MODEL/APPLICATION\``);
  const { beaconLabels } = await import('../index.js');
  return { appName: application, modelName: model, labels: beaconLabels({ appName: application, modelName: model }) };
}

/**
 * @param {string[]} bundles
 * @param {import('./input.js').JujuOptions & import('./cluster.js').ClusterOptions & { beacon: string[], dryRun?: string, plan?: boolean }} options
 */
async function run(bundles, options) {
  if (options.plan && options.dryRun) throw new UsageError('`--plan` sends no write and `--dry-run` all: give one of the two');
  if (bundles.length + options.databags.length + options.beacon.length === 0) {
    throw new UsageError('nothing to delete: give a bundle (`[MODEL=]BUNDLE`), `--databags FILE` or `--beacon MODEL/APPLICATION`');
  }
  const named = await Promise.all(options.beacon.map(beacon));
  const wish = named.length > 0 && bundles.length === 0 && options.databags.length === 0 ? { managers: [] } : await compiled(bundles, options);
  if (!wish) return;
  const { Program } = await import('../index.js');
  const { namespace, plan = false } = options;
  const dryRun = options.dryRun !== undefined;
  const result = await runAll(
    options,
    [...named, ...wish.managers].map(({ appName, modelName, labels }) => ({
      title: `${appName} of ${modelName}`,
      program: async () => Program.deletePolicies({ appName, modelName, labels, namespace, plan, dryRun }),
    })),
    { quiet: plan },
  );
  if (result) report(result, { output: options.output, tense: plan ? 'plan' : dryRun ? 'dry-run' : 'done' });
}
