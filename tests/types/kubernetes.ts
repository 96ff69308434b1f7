// Real uses of the types of `mesh-policy/kubernetes`.
import {
  type Client,
  ConnectionError,
  type KubeChange,
  KubernetesClient,
  KubernetesError,
  type KubeOutcome,
  PolicyResourceManager,
  readMesh,
  reconcileCharmLabels,
  removeCharmLabels,
} from '../../host/kubernetes.js';

const charm = { app: { name: 'beacon' }, model: { name: 'shop' } };
const client = new KubernetesClient({ kubeconfig: 'file', context: 'c', fieldManager: 'beacon', timeoutMs: 1 });
const own: Client = {
  fieldManager: 'x',
  request: async ({ method, path, query, contentType, body, signal }) => {
    const parts: (string | undefined)[] = [method, path, query, contentType, body];
    if (signal?.aborted) throw new ConnectionError('interrupted', parts.join(), { sent: false });
    return { status: 200, headers: { 'retry-after': '1' }, body: '{}' };
  },
};

export async function use(): Promise<KubeChange[]> {
  const manager = new PolicyResourceManager({ charm, lightkubeClient: client, labels: { a: 'b', c: null }, logger: console });
  const outcome: KubeOutcome = await manager.reconcile([{ source_app_name: 'a' }], 'istio', [{ kind: 'AuthorizationPolicy' }], false);
  await manager.reconcile([], 'istio');
  await manager.delete();
  new PolicyResourceManager({ charm, lightkubeClient: own, signal: AbortSignal.timeout(1), onProgress: ({ done, total }) => void (done / total) });
  await reconcileCharmLabels({ client, appName: 'a', namespace: 'm', labels: { x: 'y', z: null } });
  await removeCharmLabels({ client: own, appName: 'a', namespace: 'm', labelConfigmapName: 'c' });
  const { manifests, unknown } = await readMesh({ client, namespaces: ['shop'] });
  JSON.parse(manifests);
  unknown.map(({ kind, why }) => kind + why);
  try {
    await client.namespace();
  } catch (error) {
    if (error instanceof KubernetesError) return [...error.changes, ...error.unresolved];
    if (error instanceof ConnectionError && error.code === 'timeout' && error.sent) throw error;
  }
  // @ts-expect-error: there is one mesh
  await manager.reconcile([], 'linkerd');
  // @ts-expect-error: a client has `request`
  new PolicyResourceManager({ charm, lightkubeClient: {} });
  client.close();
  return outcome.changes;
}
