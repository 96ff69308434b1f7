// `mesh-policy hook`: a Juju hook, for charms that have no code of their own for the mesh.
import { reader, readText, UsageError } from '../files.js';
import { EXIT_CLUSTER, EXIT_USAGE, oneOf } from './input.js';

/** A charm file is small. */
const MAX_CHARM_FILE = 4 * 1024 * 1024;

/** @param {import('commander').Command} program */
export function hook(program) {
  const command = program.command('hook').description('run as a Juju hook, from `dispatch`; the event is what Juju says it is').helpCommand('help [command]', 'print the help of a command');
  command
    .command('consumer')
    .description('join a mesh: policies into its databag, its labels onto pods and Service')
    .argument('<charm-file>', 'policies and names, as `compile --charms` reads them')
    .action((file) => inHook(() => consumer(file)));
  command
    .command('provider')
    .description('provide a mesh: labels into databags, and as leader the policies that consumers ask for into the cluster')
    .argument('<labels...>', 'KEY=VALUE: what puts a pod on the mesh')
    .option('--mesh-relation-name <endpoint>', 'the endpoint of the mesh', 'service-mesh')
    .option('--ownership <how>', '`enforce` leaves out policies on what their sender does not own, `report` only says so', oneOf('enforce', 'report'), 'enforce')
    .option('--no-policies', 'only write labels into databags')
    .action((labels, options) => inHook(() => provider(labels, options)));
}

/** @param {() => Promise<void>} run */
async function inHook(run) {
  const { HookToolError, MeshPolicyError } = await import('../juju.js');
  const { ConnectionError, KubernetesError } = await import('../kubernetes.js');
  try {
    await run();
  } catch (error) {
    if (error instanceof HookToolError || error instanceof MeshPolicyError) {
      process.stderr.write(`error[${error.code}]: ${error.message}\n`);
      process.exitCode = EXIT_USAGE;
    } else if (error instanceof KubernetesError || error instanceof ConnectionError) {
      // Juju runs a hook that failed again.
      process.stderr.write(`error[${error.code}]: ${error.message}\n`);
      process.exitCode = EXIT_CLUSTER;
    } else {
      throw error;
    }
  }
}

/** @param {string} file */
async function consumer(file) {
  const text = readText(reader(MAX_CHARM_FILE), file);
  const { Hook, ServiceMeshConsumer } = await import('../juju.js');
  await new ServiceMeshConsumer(new Hook(), { charm: { file, text } }).handle();
}

/**
 * @param {string[]} given
 * @param {{ meshRelationName: string, ownership: 'enforce' | 'report', policies: boolean }} options
 */
async function provider(given, { meshRelationName, ownership, policies }) {
  const pairs = given.map((text) => {
    const at = text.indexOf('=');
    if (at <= 0) throw new UsageError(`\`${text}\` is no label: write \`KEY=VALUE\``);
    return [text.slice(0, at), text.slice(at + 1)];
  });
  const twice = pairs.find(([key], at) => pairs.findIndex(([other]) => other === key) < at);
  if (twice) throw new UsageError(`the label \`${twice[0]}\` is given twice`);
  const { Hook, ServiceMeshProvider } = await import('../juju.js');
  const hook = new Hook();
  const mesh = new ServiceMeshProvider(hook, { labels: Object.fromEntries(pairs), meshType: 'istio', meshRelationName });
  await mesh.handle();
  if (!policies || !hook.isLeader()) return;
  const { beaconLabels } = await import('../index.js');
  const { KubernetesClient, PolicyResourceManager } = await import('../kubernetes.js');
  const manager = new PolicyResourceManager({
    charm: hook,
    lightkubeClient: new KubernetesClient({ fieldManager: hook.app.name }),
    labels: beaconLabels({ appName: hook.app.name, modelName: hook.model.name }),
    logger: hook.logger(),
  });
  if (hook.event.name === 'remove') {
    if (hook.plannedUnits() === 0) await manager.delete();
  } else {
    await manager.reconcile(mesh.meshInfo({ ownership }), 'istio');
  }
}
