// `mesh-policy/juju`: both sides of a mesh, for charms in JavaScript.
export { Hook } from './juju/hook.js';
export { HookToolError, hookTools } from './juju/tools.js';
export { MeshPolicyError } from './juju/errors.js';
export { ServiceMeshConsumer } from './juju/consumer.js';
export { ServiceMeshProvider } from './juju/provider.js';
