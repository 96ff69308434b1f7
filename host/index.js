// The package's entry in Node: the core, ready without `await`.
import { readFileSync } from 'node:fs';
import { initSync } from '../pkg/mesh_policy.js';

initSync({ module: readFileSync(new URL('../pkg/mesh_policy_bg.wasm', import.meta.url)) });

export * from '../pkg/mesh_policy.js';
export {
  AppPolicy, CmrData, Endpoint, MeshPolicy, MeshType, Method, Policy, PolicyTargetType, ServiceMeshProviderAppData,
  UnitPolicy,
} from './model.js';
