// `mesh-policy plan`
import { compiled, noteDropped, policies, reconcileProgram, report, runAll } from './cluster.js';
import { EXIT_FINDINGS } from './input.js';
import { prove, renderSafety } from './safety.js';

/** @param {import('commander').Command} program */
export function plan(program) {
  policies(program.command('plan').description('say what `apply` would send to the cluster, in order, and why; write nothing'))
    .option('--exit-code', 'exit with 1 when there is something to change')
    .option('--prove', 'read the mesh as well and prove that no state in between allows what neither the policies before nor after do')
    .option('--force-conflicts', 'as `apply` would with it')
    .action(run);
}

/**
 * @param {string[]} bundles
 * @param {import('./input.js').JujuOptions & import('./cluster.js').ClusterOptions & { exitCode?: boolean, forceConflicts?: boolean, prove?: boolean }} options
 */
async function run(bundles, options) {
  const wish = await compiled(bundles, options);
  if (!wish) return;
  noteDropped(wish);
  const result = await runAll(
    options,
    wish.managers.map((manager) => ({
      title: `${manager.appName} of ${manager.modelName}`,
      program: () => reconcileProgram(manager, { namespace: options.namespace, plan: true, force: options.forceConflicts, prune: !wish.dropped }),
    })),
    { quiet: true },
  );
  if (!result) return;
  const changes = result.ends.flatMap(({ end }) => ('done' in end ? end.done.changes : []));
  const safety = options.prove ? await prove(options, changes) : undefined;
  report(result, { output: options.output, tense: 'plan', dropped: wish.dropped, more: safety && { safety } });
  if (safety && options.output === 'human') process.stdout.write(renderSafety(safety));
  const pending = result.ends.some(({ end }) => 'done' in end && end.done.changes.length > 0);
  if (options.exitCode && pending && process.exitCode === 0) process.exitCode = EXIT_FINDINGS;
}
