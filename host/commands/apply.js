// `mesh-policy apply`
import { UsageError } from '../files.js';
import { compiled, note, noteDropped, policies, reconcileProgram, report, runAll } from './cluster.js';
import { EXIT_FINDINGS, oneOf } from './input.js';
import { prove, renderSafety } from './safety.js';

/** @param {import('commander').Command} program */
export function apply(program) {
  policies(program.command('apply').description('make the policies of the cluster those that the beacons would make'))
    .option('--dry-run <where>', '`server`: the API server checks every write and keeps none', oneOf('server'))
    .option('--force-conflicts', 'take over what others changed in managed policies')
    .option('--prove', 'read the mesh first, and write nothing unless it is proven that no state in between allows what neither the policies before nor after do')
    .option('--allow-exposure', 'with `--prove`: write all the same, and say which moment allows what')
    .action(run);
}

/**
 * @param {string[]} bundles
 * @param {import('./input.js').JujuOptions & import('./cluster.js').ClusterOptions & { dryRun?: string, forceConflicts?: boolean, prove?: boolean, allowExposure?: boolean }} options
 */
async function run(bundles, options) {
  if (options.allowExposure && !options.prove) throw new UsageError('`--allow-exposure` is about what `--prove` finds: give both');
  const wish = await compiled(bundles, options);
  if (!wish) return;
  noteDropped(wish);
  const dryRun = options.dryRun !== undefined;
  /** @param {{ plan?: boolean, dryRun?: boolean }} how */
  const programs = (how) => wish.managers.map((manager) => ({
    title: `${manager.appName} of ${manager.modelName}`,
    program: () => reconcileProgram(manager, { namespace: options.namespace, force: options.forceConflicts, prune: !wish.dropped, ...how }),
  }));
  /** @type {import('./safety.js').Safety | undefined} */
  let safety;
  if (options.prove) {
    const planned = await runAll(options, programs({ plan: true }), { quiet: true });
    if (!planned) return;
    if (planned.interrupted || planned.ends.some(({ end }) => 'failed' in end)) {
      report(planned, { output: options.output, tense: 'plan', dropped: wish.dropped });
      return;
    }
    safety = await prove(options, planned.ends.flatMap(({ end }) => ('done' in end ? end.done.changes : [])));
    if (!safety) return;
    const goes = safety.safe || options.allowExposure;
    if (!goes) {
      report(planned, { output: options.output, tense: 'plan', dropped: wish.dropped, more: { safety } });
      if (process.exitCode === 0) process.exitCode = EXIT_FINDINGS;
    }
    if (options.output === 'human') process.stdout.write(renderSafety(safety));
    if (!goes) {
      note('nothing was written: `--allow-exposure` writes it all the same, in this order');
      return;
    }
  }
  const result = await runAll(options, programs({ dryRun }));
  if (result) report(result, { output: options.output, tense: dryRun ? 'dry-run' : 'done', dropped: wish.dropped, more: safety && { safety } });
}
