import { beaconLabels } from 'mesh-policy';
import { Hook, ServiceMeshProvider } from 'mesh-policy/juju';
import { KubernetesClient, PolicyResourceManager } from 'mesh-policy/kubernetes';

const hook = new Hook();
const mesh = new ServiceMeshProvider(hook, { labels: { 'istio.io/dataplane-mode': 'ambient' }, meshType: 'istio' });
await mesh.handle();

if (hook.isLeader()) {
  const policies = new PolicyResourceManager({
    charm: hook,
    lightkubeClient: new KubernetesClient({ fieldManager: hook.app.name }),
    labels: beaconLabels({ appName: hook.app.name, modelName: hook.model.name }),
    logger: hook.logger(),
  });
  if (hook.event.name !== 'remove') await policies.reconcile(mesh.meshInfo({ ownership: 'enforce' }), 'istio');
  else if (hook.plannedUnits() === 0) await policies.delete();
}
hook.setStatus('active');
