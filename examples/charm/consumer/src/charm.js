import { Hook, ServiceMeshConsumer } from 'mesh-policy/juju';

const hook = new Hook();
const mesh = new ServiceMeshConsumer(hook, {
  policies: [
    { kind: 'app', relation: 'web', endpoints: [{ ports: [8080], methods: ['GET'] }] },
    { kind: 'unit', relation: 'peers', ports: [9000] },
  ],
});
await mesh.handle();
hook.setStatus('active', mesh.enabled ? `in the mesh (${mesh.meshType() ?? 'waiting for it'})` : 'not in a mesh');
