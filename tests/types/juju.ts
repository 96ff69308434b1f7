// Real uses of the types of `mesh-policy/juju`.
import { Hook, HookToolError, MeshPolicyError, ServiceMeshConsumer, ServiceMeshProvider, type HookTools } from '../../host/juju.js';
import { KubernetesClient, PolicyResourceManager } from '../../host/kubernetes.js';

const tools: HookTools = { run: (tool, args, input = '') => `${tool} ${args.join(' ')} ${input}` };
const hook = new Hook({ env: process.env, tools });

const consumer = new ServiceMeshConsumer(hook, {
  meshRelationName: 'service-mesh',
  crossModelMeshRequiresName: 'require-cmr-mesh',
  crossModelMeshProvidesName: 'provide-cmr-mesh',
  policies: [{ kind: 'unit', relation: 'peers', ports: [9000] }],
  autoJoin: false,
  lightkubeClient: new KubernetesClient(),
});
const labels: Record<string, string> = consumer.enabled ? consumer.labels() : {};
const type: 'istio' | null = consumer.meshType();
const done: Promise<void> = consumer.handle();
// @ts-expect-error a policy has a kind
new ServiceMeshConsumer(hook, { policies: [{ relation: 'peers' }] });
// @ts-expect-error `enabled` is not to be set
consumer.enabled = true;

const provider = new ServiceMeshProvider(hook, { labels, meshType: 'istio' });
// @ts-expect-error there is no such mesh
new ServiceMeshProvider(hook, { labels, meshType: 'linkerd' });
// @ts-expect-error there is no such way
provider.meshInfo({ ownership: 'ignore' });
const manager = new PolicyResourceManager({ charm: hook, lightkubeClient: new KubernetesClient(), logger: hook.logger() });
await manager.reconcile(provider.meshInfo({ ownership: 'report', applications: ['db'] }), 'istio');

export function code(error: unknown): string | undefined {
  return error instanceof HookToolError || error instanceof MeshPolicyError ? error.code : undefined;
}
export { done, type };
