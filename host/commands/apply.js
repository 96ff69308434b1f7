// `mesh-policy apply`
import { compiled, noteDropped, policies, reconcileProgram, report, runAll } from './cluster.js';
import { oneOf } from './input.js';

/** @param {import('commander').Command} program */
export function apply(program) {
  policies(program.command('apply').description('make the policies of the cluster those that the beacons would make'))
    .option('--dry-run <where>', '`server`: the API server checks every write and keeps none', oneOf('server'))
    .option('--force-conflicts', 'take over what others changed in managed policies')
    .action(run);
}

/**
 * @param {string[]} bundles
 * @param {import('./input.js').JujuOptions & import('./cluster.js').ClusterOptions & { dryRun?: string, forceConflicts?: boolean }} options
 */
async function run(bundles, options) {
  const wish = await compiled(bundles, options);
  if (!wish) return;
  noteDropped(wish);
  const dryRun = options.dryRun !== undefined;
  const result = await runAll(
    options,
    wish.managers.map((manager) => ({
      title: `${manager.appName} of ${manager.modelName}`,
      program: () => reconcileProgram(manager, { namespace: options.namespace, dryRun, force: options.forceConflicts, prune: !wish.dropped }),
    })),
  );
  if (result) report(result, { output: options.output, tense: dryRun ? 'dry-run' : 'done', dropped: wish.dropped });
}
