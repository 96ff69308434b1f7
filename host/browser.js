// The package's entry in a browser: `await init()` before the first call.
export * from '../pkg/mesh_policy.js';
export { default } from '../pkg/mesh_policy.js';
export {
  AppPolicy, CmrData, Endpoint, MeshPolicy, MeshType, Method, Policy, PolicyTargetType, ServiceMeshProviderAppData,
  UnitPolicy,
} from './model.js';
