// `mesh-policy labels`
import { UsageError } from '../files.js';
import { cluster, report, runAll } from './cluster.js';
import { EXIT_FINDINGS, oneOf } from './input.js';

/** @param {import('commander').Command} program */
export function labels(program) {
  cluster(
    program
      .command('labels')
      .description("set labels on an application's pods and Service; remove those set before and not given now")
      .argument('<application>', 'whose StatefulSet and Service these are')
      .argument('[labels...]', 'KEY=VALUE'),
  )
    .option('-n, --namespace <name>', "the application's namespace, which is its model; without it the context's")
    .option('--configmap <name>', 'remembers what was set (juju-service-mesh-APPLICATION-labels)')
    .option('--field-manager <name>', 'the name under which it writes', 'mesh-policy')
    .option('--remove', 'take away all that was set, and the ConfigMap')
    .option('--dry-run <where>', '`server`: the API server checks every write and keeps none', oneOf('server'))
    .option('--plan', 'only say what would be written and whose pods restart')
    .option('--exit-code', 'with --plan, exit with 1 when there is something to change')
    .action(run);
}

/** @param {string[]} given */
function parse(given) {
  /** @type {Map<string, string>} */
  const labels = new Map();
  for (const text of given) {
    const at = text.indexOf('=');
    if (at <= 0) throw new UsageError(`\`${text}\` is no label: write \`KEY=VALUE\``);
    const key = text.slice(0, at);
    if (labels.has(key)) throw new UsageError(`the label \`${key}\` is given twice`);
    labels.set(key, text.slice(at + 1));
  }
  return Object.fromEntries(labels);
}

/**
 * @param {string} application
 * @param {string[]} given
 * @param {import('./cluster.js').ClusterOptions & { configmap?: string, fieldManager: string, remove?: boolean, dryRun?: string, plan?: boolean, exitCode?: boolean }} options
 */
async function run(application, given, options) {
  const wanted = parse(given);
  if (options.remove && given.length > 0) throw new UsageError('`--remove` takes all labels away: give none');
  if (given.length === 0 && !options.remove) throw new UsageError('no label is given: give `KEY=VALUE`, or `--remove` to take all away');
  if (options.plan && options.dryRun) throw new UsageError('`--plan` sends no write and `--dry-run` all: give one of the two');
  if (options.exitCode && !options.plan) throw new UsageError('`--exit-code` is about what `--plan` finds: give both');
  const { Program } = await import('../index.js');
  const { KubernetesClient } = await import('../kubernetes.js');
  const { plan = false, kubeconfig, context } = options;
  const dryRun = options.dryRun !== undefined;
  const result = await runAll(
    options,
    [
      {
        title: `labels of ${application}`,
        program: async () => {
          const namespace = options.namespace ?? (await new KubernetesClient({ kubeconfig, context }).namespace());
          const identity = { appName: application, namespace, labelConfigmapName: options.configmap, fieldManager: options.fieldManager, plan, dryRun };
          return options.remove ? Program.removeCharmLabels(identity) : Program.reconcileCharmLabels({ ...identity, labels: wanted });
        },
      },
    ],
    { quiet: plan },
  );
  if (!result) return;
  report(result, { output: options.output, tense: plan ? 'plan' : dryRun ? 'dry-run' : 'done' });
  const pending = result.ends.some(({ end }) => 'done' in end && end.done.changes.length > 0);
  if (plan && options.exitCode && pending && process.exitCode === 0) process.exitCode = EXIT_FINDINGS;
}
