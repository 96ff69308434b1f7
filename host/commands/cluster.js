// What the commands that talk to a cluster have in common: options, whose policies are meant, running, printing.
import { UsageError } from '../files.js';
import { json, printable, renderDiagnostics } from '../render.js';
import { EXIT_CLUSTER, EXIT_FINDINGS, EXIT_USAGE, access, collect, juju, oneOf, readJuju } from './input.js';

/**
 * @typedef {import('commander').Command} Command
 * @typedef {import('../../pkg/mesh_policy.js').KubeOutcome} KubeOutcome
 * @typedef {import('../../pkg/mesh_policy.js').KubeFailure} KubeFailure
 * @typedef {import('../../pkg/mesh_policy.js').KubeChange} KubeChange
 * @typedef {import('../../pkg/mesh_policy.js').AuthorizationPolicy} AuthorizationPolicy
 * @typedef {import('../../pkg/mesh_policy.js').ManagedPolicies} ManagedPolicies
 * @typedef {import('../../pkg/mesh_policy.js').Program} Program
 *
 * @typedef {object} ClusterOptions
 * @property {string} [kubeconfig]
 * @property {string} [context]
 * @property {string} [namespace]
 * @property {number} timeout in seconds
 * @property {string} output
 *
 * @typedef {{ done: KubeOutcome } | { failed: KubeFailure }} End
 */

/** What a shell gives for a program that Ctrl-C ended. */
const EXIT_INTERRUPTED = 130;

/**
 * Which cluster.
 * @param {Command} command
 */
export function cluster(command) {
  return access(command).option('-o, --output <format>', 'human or json', oneOf('human', 'json'), 'human');
}

/**
 * Whose policies: what bundles and databags say, or beacons by name.
 * @param {Command} command
 */
export function policies(command) {
  return cluster(juju(command)).option('-n, --namespace <name>', 'leave what is in other namespaces alone');
}

/**
 * @param {Command} command
 */
export function beacons(command) {
  return policies(command).option('--beacon <model/application>', 'a beacon, without any bundle', collect, []);
}

/**
 * Compiles, and tells apart what each beacon manages. Prints diagnostics.
 *
 * @param {string[]} bundles
 * @param {import('./input.js').JujuOptions} options
 * @returns {Promise<{ managers: ManagedPolicies[], unmanaged: AuthorizationPolicy[], dropped: boolean } | undefined>}
 *   undefined where the input cannot be used
 */
export async function compiled(bundles, options) {
  if (bundles.length === 0 && options.databags.length === 0) {
    throw new UsageError('no policies are given: give a bundle (`[MODEL=]BUNDLE`) or `--databags FILE`');
  }
  const input = readJuju(bundles, options);
  const core = (await import('../core.js')).loadCore(input);
  const compilation = core.compile(input);
  process.stderr.write(renderDiagnostics(compilation.diagnostics, process.stderr));
  const { badInput, dropped } = compilation;
  const managed = JSON.parse(compilation.managed());
  compilation.free();
  if (badInput) {
    process.exitCode = EXIT_USAGE;
    return undefined;
  }
  for (const { metadata } of managed.unmanaged) {
    note(`\`${metadata.namespace}/${metadata.name}\` is left alone: a charm makes it itself, under labels of its own`);
  }
  for (const { conditional } of /** @type {ManagedPolicies[]} */ (managed.managers)) {
    for (const { metadata } of conditional) {
      note(
        `\`${metadata.namespace}/${metadata.name}\` is neither made nor deleted: the input does not say whether \`${metadata.annotations?.['mesh-policy/when']}\` holds`,
      );
    }
  }
  if (managed.managers.length === 0) note('no beacon manages policies here: there is nothing to do');
  return { ...managed, dropped };
}

/** @param {string} text */
export const note = (text) => process.stderr.write(`note: ${printable(text)}\n`);

/** @param {{ dropped: boolean }} wish */
export function noteDropped({ dropped }) {
  if (dropped) note('a policy was left out, so nothing is deleted: what is not wanted may be its earlier form');
}

/**
 * @param {ManagedPolicies} manager
 * @param {{ namespace?: string, plan?: boolean, dryRun?: boolean, force?: boolean, prune: boolean }} options
 */
export async function reconcileProgram({ appName, modelName, labels, policies, conditional }, options) {
  const { Program } = await import('../index.js');
  return Program.reconcilePolicies({
    appName,
    modelName,
    labels,
    fieldManager: appName,
    policies: [],
    rawPolicies: policies,
    keep: conditional.map(({ metadata: { namespace, name } }) => ({ namespace, name })),
    force: false,
    ...options,
  });
}

/**
 * Runs programs one after the other, with progress on standard error, until all are through, the cluster is out of reach
 * or somebody interrupts.
 *
 * @param {Omit<ClusterOptions, 'output'>} options
 * @param {{ title: string, program: () => Promise<Program> }[]} runs
 * @param {{ quiet?: boolean }} [how]
 */
export async function runAll(options, runs, { quiet = false } = {}) {
  const { KubernetesClient, ConnectionError } = await import('../kubernetes.js');
  const { drive } = await import('../kubernetes/drive.js');
  const client = new KubernetesClient({
    kubeconfig: options.kubeconfig,
    context: options.context,
    timeoutMs: options.timeout * 1000,
  });
  const gentle = new AbortController();
  const now = new AbortController();
  const interrupt = () => {
    if (gentle.signal.aborted) {
      now.abort();
      return;
    }
    gentle.abort();
    show.clear();
    process.stderr.write('interrupted: waiting for what was sent (interrupt again to leave at once)\n');
  };
  const show = progress(quiet);
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  /** @type {{ title: string, end: End }[]} */
  const ends = [];
  try {
    for (const { title, program } of runs) {
      if (gentle.signal.aborted) break;
      const end = await drive(await program(), client, {
        signal: gentle.signal,
        abandon: now.signal,
        onProgress: (step) => show.step(title, step),
      });
      show.clear();
      ends.push({ title, end });
      if ('failed' in end && end.failed.diagnostic.code === 'kubernetes-unreachable') break;
    }
  } catch (error) {
    show.clear();
    if (!(error instanceof ConnectionError)) throw error;
    process.stderr.write(`error: ${printable(error.message)}\n${error.help ? `  help: ${printable(error.help)}\n` : ''}`);
    process.exitCode = error.code === 'config' ? EXIT_USAGE : EXIT_CLUSTER;
    return undefined;
  } finally {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
    client.close();
  }
  const interrupted = gentle.signal.aborted && (ends.length < runs.length || ends.some(({ end }) => 'failed' in end));
  return { ends, interrupted, untried: runs.slice(ends.length).map(({ title }) => title) };
}

/**
 * Progress for who looks at a terminal; a line now and then for a log.
 * @param {boolean} quiet
 */
function progress(quiet) {
  const terminal = process.stderr.isTTY;
  let shown = false;
  let last = 0;
  let phase = '';
  return {
    /** @param {string} title @param {import('../kubernetes/drive.js').Progress} step */
    step(title, step) {
      const time = performance.now();
      // Loading and connecting do not count.
      last ||= time;
      // Nobody needs more; short work stays silent.
      if (quiet || time - last < (terminal ? 100 : 2000) || (step.total === 0 && step.phase === phase)) return;
      last = time;
      phase = step.phase;
      const text = printable(`${title}: ${step.phase}${step.total > 0 ? ` ${step.done}/${step.total}` : ''}`);
      process.stderr.write(terminal ? `\r\u001b[K${text.slice(0, (process.stderr.columns ?? 80) - 1)}` : `${text}\n`);
      shown = terminal;
    },
    clear() {
      if (shown) process.stderr.write('\r\u001b[K');
      shown = false;
    },
  };
}

/** @param {KubeChange[]} changes */
function counts(changes) {
  const count = (/** @type {string} */ action) => changes.filter((change) => change.action === action).length;
  return { create: count('create'), update: count('update'), delete: count('delete') };
}

/**
 * @param {KubeOutcome} done
 * @param {'plan' | 'done' | 'dry-run'} tense
 */
export function summary({ changes, unchanged }, tense) {
  const { create, update, delete: gone } = counts(changes);
  const words = {
    plan: ['to create', 'to update', 'to delete'],
    done: ['created', 'updated', 'deleted'],
    'dry-run': ['would be created', 'would be updated', 'would be deleted'],
  }[tense];
  return `${create} ${words[0]}, ${update} ${words[1]}, ${gone} ${words[2]}, ${unchanged} unchanged`;
}

/** @param {KubeChange} change */
const named = ({ action, kind, namespace, name }) => printable(`${action} ${kind} ${namespace}/${name}`);

/**
 * The requests of a plan in order, by phase, each with its reason.
 * @param {KubeOutcome} done
 */
export function renderPlan({ changes, restarts }) {
  let out = '';
  let phase = '';
  for (const { request, ...change } of changes) {
    if (change.phase !== phase) {
      phase = change.phase;
      out += `  ${printable(phase)}\n`;
    }
    out += `    ${named(change)}: ${printable(change.why)}\n`;
    if (request) {
      const query = Object.entries(request.query).map(([key, value]) => `${key}=${value}`);
      out += `      ${request.method} ${printable(request.path + (query.length > 0 ? `?${query.join('&')}` : ''))}\n`;
    }
  }
  for (const { kind, namespace, name, why } of restarts) {
    out += `  restarts the pods of ${printable(`${kind} ${namespace}/${name}`)}: ${printable(why)}\n`;
  }
  return out;
}

/**
 * What was done and what is unknown, after a failure.
 * @param {KubeFailure} failed
 */
export function renderFailure({ changes, unresolved }) {
  let out = '';
  if (changes.length > 0) {
    const { create, update, delete: gone } = counts(changes);
    out += `done before: ${create} created, ${update} updated, ${gone} deleted\n`;
  } else {
    out += 'nothing was changed\n';
  }
  for (const change of unresolved) out += `not known whether done: ${named(change)}\n`;
  return out;
}

/**
 * Prints the ends of what `runAll` ran, and sets the exit code.
 *
 * @param {NonNullable<Awaited<ReturnType<typeof runAll>>>} result
 * @param {{ output: string, tense: 'plan' | 'done' | 'dry-run', dropped?: boolean, more?: object }} how
 */
export function report({ ends, interrupted, untried }, { output, tense, dropped = false, more = {} }) {
  let left = dropped;
  let failed = untried.length > 0;
  for (const { title, end } of ends) {
    const result = 'done' in end ? end.done : end.failed;
    left ||= result.dropped > 0;
    failed ||= 'failed' in end;
    const diagnostics = 'done' in end ? result.diagnostics : [end.failed.diagnostic, ...result.diagnostics];
    // Somebody wanted it to end: that it did is no news.
    const news = interrupted ? diagnostics.filter(({ code }) => !['kubernetes-unreachable', 'incomplete'].includes(code)) : diagnostics;
    process.stderr.write(renderDiagnostics(news, process.stderr));
    if ('failed' in end && tense !== 'plan') process.stderr.write(`${printable(title)}: ${renderFailure(end.failed)}`);
    if (output === 'human' && 'done' in end) {
      process.stdout.write(`${printable(title)}: ${summary(end.done, tense)}\n`);
      if (tense === 'plan') process.stdout.write(renderPlan(end.done));
      else for (const { kind, namespace, name } of end.done.restarts) process.stdout.write(`  restarts the pods of ${printable(`${kind} ${namespace}/${name}`)}\n`);
    }
  }
  for (const title of untried) process.stderr.write(`${printable(title)}: not tried\n`);
  if (output === 'json') {
    process.stdout.write(`${json({ runs: ends.map(({ title, end }) => ({ title, ...end })), interrupted, untried, ...more })}\n`);
  }
  if (interrupted) {
    process.stderr.write('interrupted: run it again to go on\n');
    process.exitCode = EXIT_INTERRUPTED;
  } else if (failed) {
    process.exitCode = EXIT_CLUSTER;
  } else {
    process.exitCode = left ? EXIT_FINDINGS : 0;
  }
}

/**
 * Reads the mesh of a cluster, for commands that take it as input. What could not be read is noted.
 *
 * @param {Omit<ClusterOptions, 'output'> & { namespaces?: string[], rootNamespace?: string }} options
 * @returns {Promise<string | undefined>} the JSON text of a Kubernetes `List`; undefined where it cannot be had, with the exit
 *   code set
 */
export async function readCluster({ namespaces, rootNamespace, ...options }) {
  const { Program } = await import('../index.js');
  const program = async () => Program.readMesh({ namespaces, rootNamespace });
  const result = await runAll(options, [{ title: 'reading the cluster', program }]);
  const end = result?.ends[0]?.end;
  if (!result || !end || 'failed' in end) {
    if (result) report(result, { output: 'human', tense: 'plan' });
    return undefined;
  }
  process.stderr.write(renderDiagnostics(end.done.diagnostics, process.stderr));
  for (const { kind, namespace, why } of end.done.unknown) note(`${kind}${namespace ? ` in \`${namespace}\`` : ''}: ${why}`);
  return end.done.manifests ?? '';
}
